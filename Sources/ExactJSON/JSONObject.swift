/// The members of a JSON object in their order, each key once.
///
/// Keys are compared by their scalars: canonically equivalent keys are different. A look-up takes constant time.
public struct JSONObject: Sendable {
  /// A key and its value.
  public struct Member: Sendable, Equatable {
    /// The key, with its escapes resolved.
    public let key: String
    /// The value.
    public var value: JSONValue

    /// Creates a member.
    public init(key: String, value: JSONValue) {
      self.key = key
      self.value = value
    }

    /// Whether the keys have the same scalars and the values are equal.
    public static func == (left: Member, right: Member) -> Bool {
      left.key.hasSameScalars(as: right.key) && left.value == right.value
    }
  }

  /// All members, in order.
  public private(set) var members: [Member] = []

  /// The index in `members` of each key; empty while there are so few that a scan is faster.
  private var positions: [ExactKey: Int] = [:]

  private static let mostMembersScanned = 16

  /// Creates an object without members.
  public init() {}

  /// Creates an object of members; a repeated key keeps its first position and has its last value.
  public init(_ members: [(key: String, value: JSONValue)]) {
    self.members.reserveCapacity(members.count)
    for (key, value) in members { self[key] = value }
  }

  /// The number of members.
  public var count: Int { members.count }

  /// Whether there are no members.
  public var isEmpty: Bool { members.isEmpty }

  /// The keys, in order.
  public var keys: [String] { members.map(\.key) }

  /// The value of a key; nil if there is none.
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

  /// The index of a key in `members`; nil if there is none.
  func position(of key: String) -> Int? {
    if members.count <= Self.mostMembersScanned {
      members.firstIndex { $0.key.hasSameScalars(as: key) }
    } else {
      positions[ExactKey(key)]
    }
  }

  /// Creates an object without members, with room for some.
  package init(capacity: Int) { members.reserveCapacity(capacity) }

  /// Adds a member whose key must be new.
  package mutating func append(_ member: consuming Member) {
    if members.capacity == 0 { members.reserveCapacity(4) }
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
  /// Whether both have equal values for the same keys, in any order.
  public static func == (left: JSONObject, right: JSONObject) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left.members, right.members).allSatisfy { mine, theirs in
      mine.key.hasSameScalars(as: theirs.key) ? mine.value == theirs.value : right[mine.key] == mine.value
    }
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// Creates an object with the members in the order of the literal.
  public init(dictionaryLiteral members: (String, JSONValue)...) { self.init(members) }
}
