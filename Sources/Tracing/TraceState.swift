/// The header `tracestate`: what the systems of a trace tell each other, passed on as it came (W3C Trace Context,
/// section 3.3).
struct TraceState {
  /// Characters that are passed on at most, the least that the standard asks for.
  static let longest = 512
  private static let mostMembers = 32
  /// Members above this size go first where not all fit.
  private static let largeMember = 128

  /// The members, separated by commas.
  let text: String

  /// Reads a header; nil where it is malformed or empty. Where it is too long, large members are left out first, then
  /// those at its end, whose systems have added to it before the others.
  init?(_ header: String) {
    var members: [Substring.UTF8View] = []
    for part in header.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: true) {
      let member = Self.trimmed(Substring(part).utf8)
      if member.isEmpty { continue }
      guard Self.isValid(member) else { return nil }
      members.append(member)
    }
    guard (1...Self.mostMembers).contains(members.count) else { return nil }
    if Self.length(of: members) > Self.longest { members.removeAll { $0.count > Self.largeMember } }
    while Self.length(of: members) > Self.longest { members.removeLast() }
    if members.isEmpty { return nil }
    text = members.map { String(Substring($0)) }.joined(separator: ",")
  }

  private static func length(of members: [Substring.UTF8View]) -> Int {
    members.reduce(0) { $0 + $1.count + 1 } - 1
  }

  private static func trimmed(_ bytes: Substring.UTF8View) -> Substring.UTF8View {
    let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
    var rest = bytes.drop(while: isBlank)
    while let last = rest.last, isBlank(last) { rest.removeLast() }
    return rest
  }

  /// A key, an equals sign, and a value of up to 256 printable characters without comma, equals sign and blank at its
  /// end.
  private static func isValid(_ member: Substring.UTF8View) -> Bool {
    guard let equals = member.firstIndex(of: UInt8(ascii: "=")) else { return false }
    let (key, value) = (member[..<equals], member[equals...].dropFirst())
    let isText = value.allSatisfy { (0x20...0x7e).contains($0) && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ",") }
    return isKey(key) && isText && value.count <= 256 && value.last != 0x20
  }

  private static func isKey(_ key: Substring.UTF8View) -> Bool {
    guard let first = key.first, key.count <= 256, key.filter({ $0 == UInt8(ascii: "@") }).count < 2 else {
      return false
    }
    let isLetter: (UInt8) -> Bool = { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
    let isDigit: (UInt8) -> Bool = { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return (isLetter(first) || isDigit(first))
      && key.allSatisfy { isLetter($0) || isDigit($0) || "_-*/@".utf8.contains($0) }
  }
}
