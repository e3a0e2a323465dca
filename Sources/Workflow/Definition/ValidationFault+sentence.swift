import ExactJSON

extension ValidationFault {
  /// Faults in one sentence, of `StepFailure.longestMessage` bytes at most with some words before it; those that do not
  /// fit are counted.
  public static func sentence(of faults: [ValidationFault]) -> String {
    let room = StepFailure.longestMessage - 100
    var text = ""
    for (index, fault) in faults.enumerated() {
      let place = fault.location.map(\.text).joined(separator: ".")
      let next = (index == 0 ? "" : "; ") + "\(place): \(fault.message)"
      guard text.utf8.count + next.utf8.count <= room else {
        return index == 0 ? next.cut(toBytes: room) : "\(text); and \(faults.count - index) more"
      }
      text += next
    }
    return text
  }

  /// Whether a step names an operation that is not known here.
  public var isOfUnknownOperation: Bool {
    // A schedule has its run in a separate member.
    let place = location.count == 5 && location[1] == .key("run") ? location.dropFirst() : location[...]
    guard type == "literal_error", place.count == 4 else { return false }
    let parts = Array(place)
    guard parts[1] == .key("steps"), case .index = parts[2] else { return false }
    return parts[3] == .key("op")
  }
}

extension ValidationFault.Element {
  /// The element as a path shows it.
  fileprivate var text: String {
    switch self {
    case .key(let key): key
    case .index(let index): "\(index)"
    }
  }
}
