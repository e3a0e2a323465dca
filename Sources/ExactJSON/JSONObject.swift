/// The members of a JSON object, in the order in which they came, each key once.
///
/// Keys are the same when their scalars are the same; canonically equivalent keys are two keys. A look-up takes
/// constant time, also among thousands of members.
public struct JSONObject: Sendable {
  /// A key and its value.
  public struct Member: Sendable, Equatable {
    /// The key, with its escapes resolved.
    public let key: String
    /// The value under the key.
    public var value: JSONValue

    /// Makes a member.
    public init(key: String, value: JSONValue) {
      self.key = key
      self.value = value
    }

    /// True when the keys have the same scalars and the values are equal.
    public static func == (left: Member, right: Member) -> Bool {
      left.key.hasSameScalars(as: right.key) && left.value == right.value
    }
  }

  /// All members, in order.
  public private(set) var members: [Member] = []

  /// Where each key stands in `members`; empty as long as there are so few that a scan is faster.
  private var positions: [ExactKey: Int] = [:]

  private static let mostMembersScanned = 16

  /// Makes an object without members.
  public init() {}

  /// Makes an object of these members; a key that comes again keeps its first place and takes the last value.
  public init(_ members: [(key: String, value: JSONValue)]) {
    self.members.reserveCapacity(members.count)
    for (key, value) in members { self[key] = value }
  }

  /// The number of members.
  public var count: Int { members.count }

  /// True when there are no members.
  public var isEmpty: Bool { members.isEmpty }

  /// The keys, in order.
  public var keys: [String] { members.map(\.key) }

  /// The value under a key, nil when there is none.
  ///
  /// Setting a value replaces the one in place or appends a member; setting nil removes the member, in time
  /// proportional to the number of members. To store JSON's null, set `.null`.
  public subscript(key: String) -> JSONValue? {
    get { position(of: key).map { members[$0].value } }
    set {
      switch (position(of: key), newValue) {
      case (let position?, let value?): members[position].value = value
      case (let position?, nil): remove(at: position)
      case (nil, let value?): append(Member(key: key, value: value))
      case (nil, nil): break
      }
    }
  }

  /// Where a key stands in `members`, nil when it does not.
  func position(of key: String) -> Int? {
    if members.count <= Self.mostMembersScanned {
      members.firstIndex { $0.key.hasSameScalars(as: key) }
    } else {
      positions[ExactKey(key)]
    }
  }

  /// Adds a member whose key the caller knows to be new.
  mutating func append(_ member: consuming Member) {
    if members.isEmpty { members.reserveCapacity(4) }
    if members.count == Self.mostMembersScanned { indexMembers() }
    if members.count >= Self.mostMembersScanned { positions[ExactKey(member.key)] = members.count }
    members.append(member)
  }

  private mutating func remove(at position: Int) {
    members.remove(at: position)
    positions = [:]
    if members.count > Self.mostMembersScanned { indexMembers() }
  }

  private mutating func indexMembers() {
    for (position, member) in members.enumerated() {
      positions[ExactKey(member.key)] = position
    }
  }
}

extension JSONObject: Equatable {
  /// True when both have equal values under the same keys, in any order.
  public static func == (left: JSONObject, right: JSONObject) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left.members, right.members).allSatisfy { mine, theirs in
      mine.key.hasSameScalars(as: theirs.key) ? mine.value == theirs.value : right[mine.key] == mine.value
    }
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// Makes an object whose members stand in the order in which they are written.
  public init(dictionaryLiteral members: (String, JSONValue)...) { self.init(members) }
}
