import Synchronization
import Workflow

/// Step lists that were read before, with their graphs: many runs are of the same workflow.
final class StepCache: Sendable {
  /// A list of steps as it lies in Redis, ready to be run.
  struct Reading: Sendable {
    let steps: [StepDefinition]
    let graph: StepGraph
  }

  private struct Text: Hashable {
    let bytes: [UInt8]

    func hash(into hasher: inout Hasher) {
      bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
  }

  private static let capacity = 64
  private static let longestText = 16_384

  private let readings = Mutex<[Text: Reading]>([:])

  /// What a text was read as, or is by `read` if it is new.
  func reading<Failure: Error>(
    of bytes: [UInt8], _ read: ([UInt8]) throws(Failure) -> [StepDefinition]
  ) throws(Failure) -> Reading {
    let text = Text(bytes: bytes)
    if let known = readings.withLock({ $0[text] }) { return known }
    let steps = try read(bytes)
    let reading = Reading(steps: steps, graph: StepGraph(steps))
    guard bytes.count <= StepCache.longestText else { return reading }
    readings.withLock { readings in
      if readings.count >= StepCache.capacity { readings.removeAll(keepingCapacity: true) }
      readings[text] = reading
    }
    return reading
  }
}
