import ExactJSON

/// What a worker can execute, as it announces it: its operations with the schemas of their parameters, and the fields
/// of newer versions that it knows.
public struct WorkerAbilities: Sendable, Equatable {
  /// Operations that are announced at most.
  private static let mostOperations = 1_000
  private static let longestName = 128

  /// The parameters of each operation.
  public private(set) var operations: [String: ParameterSchema]
  /// What else runs may require of it (``WorkflowDefinition/newerFields``).
  public private(set) var fields: Set<String>

  /// The abilities of a worker with these operations.
  public init(operations: [String: ParameterSchema], fields: Set<String> = WorkflowDefinition.newerFields) {
    self.operations = operations
    self.fields = fields
  }

  /// What runs may require of it.
  public var requirements: Set<String> { fields.union(operations.keys) }

  /// The abilities as JSON text; the same text for the same abilities.
  public var bytes: [UInt8] {
    let schemas = operations.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.object($0.value.announcement)) }
    let object: JSONValue = [
      "operations": .object(JSONObject(schemas)), "fields": .array(fields.sorted().map(JSONValue.string)),
    ]
    return object.bytes
  }

  /// Reads what ``bytes`` has written; nil when it is something else.
  /// - Parameter unreadable: is given the names of operations that cannot be read; they are left out.
  public init?(_ bytes: [UInt8], unreadable: inout [String]) {
    guard let object = try? JSONValue(parsing: bytes).objectValue,
      let announced = object["operations"]?.objectValue, announced.count <= Self.mostOperations,
      let fields = object["fields"]?.arrayValue
    else { return nil }
    operations = [:]
    self.fields = Set(fields.compactMap(\.stringValue).filter(Self.isName))
    for member in announced.members {
      if Self.isName(member.key), !member.key.contains(":"),
        let schema = member.value.objectValue.flatMap({ ParameterSchema(announcement: $0) })
      {
        operations[member.key] = schema
      } else {
        unreadable.append(member.key.cut(toBytes: Self.longestName))
      }
    }
  }

  /// Whether a text can be required by a run: requirements are separated by blanks.
  private static func isName(_ text: String) -> Bool {
    (1...longestName).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
  }
}
