private import OpenSSL

extension AccessKey {
  /// Why a line is not a valid key entry. Never repeats the line, which may contain the key itself by mistake.
  struct Malformed: Error {
    let sentence: String

    init(_ sentence: String) { self.sentence = sentence }
  }

  /// Reads the words of a line, such as `alice 5e88…42d8 user requests_s=50`.
  init(words: [String]) throws(Malformed) {
    guard words.count >= 2 else { throw Malformed("a name and the SHA-256 of a key are expected") }
    guard AccessKey.isValidName(words[0]) else { throw Malformed("the name is not \(AccessKey.nameRule)") }
    guard words[1].utf8.count == 2 * Digest.byteCount, let digest = Digest.bytes(hex: words[1]) else {
      throw Malformed("the second word is no SHA-256 in hexadecimal, 64 digits")
    }
    var role: Role?
    var limits = Limits()
    for word in words[2...] {
      if let given = Role(rawValue: word) {
        guard role == nil else { throw Malformed("it has two roles") }
        role = given
      } else {
        try limits.take(word)
      }
    }
    self.init(name: words[0], digest: digest, role: role ?? .user, limits: limits)
  }

  /// The line that says the same.
  var line: String { ([name, digestText, role.rawValue] + limits.words).joined(separator: " ") }
}

extension AccessKey.Limits {
  /// The most of a limit: a number beyond it is a slip.
  public static let most = 1_000_000_000_000_000

  /// The limits as a line has them.
  public var words: [String] {
    let words = [("requests_s", requests), ("runs", runs), ("bytes", bytes)].compactMap { name, value in
      value.map { "\(name)=\($0)" }
    }
    return words + (costDay.map { ["cost_day=\(Self.amount($0))"] } ?? [])
  }

  /// The largest amount of `cost_day`, in billionths.
  public static let mostCost = 1_000_000_000_000_000

  /// An amount in billionths as a decimal number.
  public static func amount(_ billionths: Int) -> String {
    let (units, rest) = billionths.quotientAndRemainder(dividingBy: 1_000_000_000)
    if rest == 0 { return "\(units)" }
    var decimals = String(String(1_000_000_000 + rest).dropFirst())
    while decimals.last == "0" { decimals.removeLast() }
    return "\(units).\(decimals)"
  }

  /// Reads a decimal number of at most nine decimals as an amount in billionths; nil when it is something else.
  public static func billionths(_ text: some StringProtocol) -> Int? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let decimals = parts.count == 2 ? parts[1] : "0"
    let isNumber = [parts[0], decimals].allSatisfy { part in
      !part.isEmpty && part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
    guard isNumber, parts[0].utf8.count <= 7, decimals.utf8.count <= 9, let units = Int(parts[0]),
      let rest = Int(decimals + String(repeating: "0", count: 9 - decimals.utf8.count))
    else { return nil }
    let amount = units * 1_000_000_000 + rest
    return amount <= mostCost ? amount : nil
  }

  /// Reads a word such as `runs=100`.
  fileprivate mutating func take(_ word: String) throws(AccessKey.Malformed) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let fields: [(name: String, path: WritableKeyPath<Self, Int?>)] = [
      ("requests_s", \.requests), ("runs", \.runs), ("bytes", \.bytes),
    ]
    if parts.count == 2, parts[0] == "cost_day" {
      guard costDay == nil else { throw .init("cost_day comes twice") }
      guard let amount = Self.billionths(parts[1]) else {
        throw .init("cost_day is no number from 0 to 1000000 with at most nine decimals")
      }
      costDay = amount
      return
    }
    guard parts.count == 2, let (name, path) = fields.first(where: { $0.name == parts[0] }) else {
      throw .init("a word is neither a role (user, read, admin) nor a limit (requests_s=, runs=, bytes=, cost_day=)")
    }
    guard self[keyPath: path] == nil else { throw .init("\(name) comes twice") }
    let isNumber = parts[1].utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard isNumber, let value = Int(parts[1]), (1...Self.most).contains(value) else {
      throw .init("\(name) is no whole number from 1 to \(Self.most)")
    }
    self[keyPath: path] = value
  }
}
