import ExactJSON

/// The faults of a body as they are found: as many as an answer has room for. The others are counted, not built.
struct FaultList {
  /// Bytes of all that is listed, as JSON text; with what surrounds it an answer stays below 64 KiB.
  static let room = 63 << 10

  private var faults: [ValidationFault] = []
  private var bytes = 0
  private var more = 0

  /// Whether no fault has been found.
  var isEmpty: Bool { faults.isEmpty }

  /// The faults that are listed, and one that counts the rest.
  var all: [ValidationFault] {
    if more == 0 { return faults }
    return faults + [ValidationFault("too_many_faults", [.key("body")], "and \(more) more faults", input: .null)]
  }

  /// Adds a fault, behind those that were found before. As soon as one does not fit, no other is built.
  mutating func add(_ fault: @autoclosure () -> ValidationFault) {
    guard more == 0 else {
      more += 1
      return
    }
    let fault = fault()
    let size = fault.json.bytes.count + 1
    guard bytes + size <= FaultList.room else {
      more = 1
      return
    }
    bytes += size
    faults.append(fault)
  }
}
