import ExactJSON
import Workflow
import WorkflowStore

/// A page of a store as JSON. Values are written as they lie in Redis, byte by byte.
struct StoreDocument: Sendable {
  private let name: StoreName
  private let reading: StoreReading
  private let count: Int

  /// - Parameter count: values of the store.
  init(_ name: StoreName, _ reading: StoreReading, count: Int) {
    self.name = name
    self.reading = reading
    self.count = count
  }

  /// Bytes of what is read to write it.
  var size: Int { reading.bytes }

  /// The document.
  var bytes: [UInt8] {
    let values = reading.elements.filter(Self.isValue)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(reading.bytes + values.count + 1_024)
    var head: JSONObject = ["namespace": .string(name.namespace)]
    if let owner = name.owner { head["owner"] = .string(owner) }
    head["count"] = .number(JSONNumber(count))
    bytes += JSONValue.object(head).bytes.dropLast()
    bytes += Array(",\"values\":[".utf8)
    for (number, value) in values.enumerated() {
      if number > 0 { bytes.append(UInt8(ascii: ",")) }
      bytes += value
    }
    let tail: JSONObject = [
      "foreign": .number(JSONNumber(reading.elements.count - values.count)),
      "next": reading.cursor.isAtEnd ? .null : .string(reading.cursor.description),
    ]
    bytes += Array("],".utf8)
    bytes += JSONValue.object(tail).bytes.dropFirst()
    return bytes
  }

  /// Whether an element of the list has the form of those that wf writes: anybody may write to it.
  private static func isValue(_ element: [UInt8]) -> Bool {
    guard let object = (try? JSONValue(deeply: element))?.objectValue, object["data"] != nil,
      let job = object["job_id"]?.stringValue, JobID(job) != nil,
      let step = object["step"]?.stringValue, StepDefinition.isValidID(step)
    else { return false }
    let item = object["item"]
    if let item {
      guard let number = item.numberValue?.int, number >= 0 else { return false }
    }
    return object.members.count == (item == nil ? 3 : 4)
  }
}
