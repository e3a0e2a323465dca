private import OpenSSL

extension AccessKey {
  /// Why a line is none of a key. It repeats nothing of the line, in which the key itself may stand by mistake.
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
    [("requests_s", requests), ("runs", runs), ("bytes", bytes)].compactMap { name, value in
      value.map { "\(name)=\($0)" }
    }
  }

  /// Reads a word such as `runs=100`.
  fileprivate mutating func take(_ word: String) throws(AccessKey.Malformed) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let fields: [(name: String, path: WritableKeyPath<Self, Int?>)] = [
      ("requests_s", \.requests), ("runs", \.runs), ("bytes", \.bytes),
    ]
    guard parts.count == 2, let (name, path) = fields.first(where: { $0.name == parts[0] }) else {
      throw .init("a word is neither a role (user, read, admin) nor a limit (requests_s=, runs=, bytes=)")
    }
    guard self[keyPath: path] == nil else { throw .init("\(name) comes twice") }
    let isNumber = parts[1].utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard isNumber, let value = Int(parts[1]), (1...Self.most).contains(value) else {
      throw .init("\(name) is no whole number from 1 to \(Self.most)")
    }
    self[keyPath: path] = value
  }
}
