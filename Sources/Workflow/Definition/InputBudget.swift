import ExactJSON

/// Refuses at submission what could only fail later: a step whose references bring in more of the run's inputs than a
/// step may be given.
///
/// The check is cheap and may miss: it counts only what references to inputs bring in, and a bounded number of bytes
/// for the whole body. The worker counts everything.
struct InputBudget: Sendable {
  /// Bytes that a step may be given (`WF_MAX_OUTPUT_BYTES`).
  let maxStepBytes: Int

  private static let mostCounted = 16 << 20

  /// Adds a fault for each step that is given too much.
  /// - Parameter length: bytes of the inputs as they came in, which no reference exceeds.
  func check(_ list: DefinitionReader.StepList, inputs: JSONObject, length: Int, _ faults: inout FaultList) {
    var sizes = Sizes(inputs: inputs, left: InputBudget.mostCounted)
    for (index, count) in list.inputReferences.enumerated() {
      let most = count.multipliedReportingOverflow(by: length)
      guard most.overflow || most.partialValue > maxStepBytes else { continue }
      var bytes = 0
      JSONValue.object(list.steps[index].params).forEachString { text in
        if bytes <= maxStepBytes { bytes += sizes.bytes(of: text) }
      }
      guard bytes > maxStepBytes else { continue }
      let message = "what the references bring in takes more than \(maxStepBytes) bytes (WF_MAX_OUTPUT_BYTES)"
      let place: ValidationFault.Location = [.key("body"), .key("steps"), .index(index), .key("params")]
      faults.add(.value(place, .object(list.steps[index].params), message))
    }
  }

  /// The sizes of what references to the inputs bring in, each measured once.
  private struct Sizes {
    let inputs: JSONObject
    /// How many more bytes may be counted.
    var left: Int
    private var known: [ExactKey: Int] = [:]
    /// What a look-up costs at least, in bytes that could be counted in the same time.
    private static let lookUp = 64

    init(inputs: JSONObject, left: Int) {
      self.inputs = inputs
      self.left = left
    }

    /// Bytes that references to inputs bring into a string; 0 where that is not known.
    mutating func bytes(of text: String) -> Int {
      var sum = 0
      text.forEachMention { if $0.root == .inputs { sum += bytes(of: $0) } }
      return sum
    }

    private mutating func bytes(of mention: Mention) -> Int {
      let key = ExactKey(mention.text)
      if let bytes = known[key] { return bytes }
      guard left > 0 else { return 0 }
      let value = mention.reference.flatMap { self.value(of: $0) }
      var count = value.map { $0.byteCount(atMost: left) ?? left } ?? 0
      left -= max(count, Sizes.lookUp)
      // Between braces a string is written without quotes.
      if mention.isInBraces, value?.stringValue != nil { count = max(0, count - 2) }
      known[key] = count
      return count
    }

    private func value(of reference: Reference) -> JSONValue? {
      var value = JSONValue.object(inputs)
      for component in reference.path {
        guard let next = ReferenceScope.step(into: value, component) else { return nil }
        value = next
      }
      return value
    }
  }
}
