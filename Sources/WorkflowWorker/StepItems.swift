import ExactJSON
import Workflow
import WorkflowStore

/// The items of a step with `foreach`: which of them have ended, which may start, and which wait for another attempt.
///
/// An item that waits counts for `concurrency`, so that a service which asks to wait is not asked by the next item.
struct StepItems {
  /// The array that the step runs over.
  let values: [JSONValue]
  private let concurrency: Int
  private let keepsErrors: Bool
  private var ends: [ItemEnd?]
  /// The first item that was never taken.
  private var next = 0
  /// Items before that one which may start.
  private var returned: [Int] = []
  /// Items whose next attempt waits, and until when, by the uptime.
  private var waiting: [Int: Timestamp] = [:]
  private var inFlight = 0
  /// The failed attempts of the items that are to be attempted again.
  private(set) var attempts: [Int: StepAttempts]
  /// Why the step fails; no other item starts.
  private(set) var failure: StepFailure?
  /// How many items have ended, and how many of them have failed.
  private(set) var ended = 0
  private(set) var failed = 0
  /// How many had ended when the log said so last.
  var logged = 0
  /// Bytes of the documents of the items.
  var bytes = 0

  /// - Parameters:
  ///   - recorded: how items have ended, by position, as it is recorded.
  ///   - attempts: the failed attempts of items that have not ended.
  init(
    _ values: [JSONValue], _ foreach: Foreach, recorded: [Int: ItemEnd],
    attempts: [Int: (known: StepAttempts, start: Timestamp)],
    now: Timestamp
  ) {
    self.values = values
    self.attempts = attempts.mapValues(\.known)
    concurrency = foreach.concurrency
    keepsErrors = foreach.keepsErrors
    ends = values.indices.map { recorded[$0] }
    for (item, end) in ends.enumerated() {
      guard let end else { continue }
      ended += 1
      if case .failed(let failure) = end { fail(item, failure) }
    }
    logged = ended
    for (item, attempt) in attempts where values.indices.contains(item) && ends[item] == nil {
      if attempt.start > now { waiting[item] = attempt.start } else { returned.append(item) }
    }
  }

  private mutating func fail(_ item: Int, _ failure: StepFailure) {
    failed += 1
    if !keepsErrors, self.failure == nil {
      self.failure = StepFailure(failure.code, "item \(item): \(failure.message)")
    }
  }

  // MARK: Starting items

  /// Takes the next item that may start; nil when none may.
  mutating func take() -> Int? {
    guard failure == nil, inFlight + waiting.count < concurrency || !returned.isEmpty else { return nil }
    if let item = returned.popLast() {
      inFlight += 1
      return item
    }
    while next < ends.count {
      defer { next += 1 }
      // An item that was attempted before waits, or was returned.
      if ends[next] != nil || attempts[next] != nil { continue }
      inFlight += 1
      return next
    }
    return nil
  }

  /// Returns an item that was taken and has not started.
  mutating func putBack(_ item: Int) {
    inFlight -= 1
    returned.append(item)
  }

  /// When the next waiting item may start; nil when none waits.
  var nextDue: Timestamp? { failure == nil ? waiting.values.min() : nil }

  /// Lets the waiting items start whose time has come.
  mutating func wake(at now: Timestamp) {
    for (item, start) in waiting where start <= now {
      waiting[item] = nil
      returned.append(item)
    }
  }

  /// Whether nothing of the step can happen before a waiting item starts.
  var onlyWaits: Bool {
    guard failure == nil, inFlight == 0, returned.isEmpty, !waiting.isEmpty else { return false }
    return waiting.count >= concurrency || !ends[next...].indices.contains { ends[$0] == nil && attempts[$0] == nil }
  }

  // MARK: Ends

  /// Takes the end of an item that was taken.
  mutating func end(_ item: Int, _ end: ItemEnd) {
    inFlight -= 1
    ended += 1
    ends[item] = end
    attempts[item] = nil
    if case .failed(let failure) = end { fail(item, failure) }
  }

  /// Has an item that was taken wait for its next attempt.
  mutating func repeats(_ item: Int, _ next: StepAttempts, until start: Timestamp) {
    inFlight -= 1
    attempts[item] = next
    waiting[item] = start
  }

  /// Starts no other item: the step fails.
  mutating func stop(_ failure: StepFailure) { self.failure = self.failure ?? failure }

  /// Whether all items have ended, or those that were in flight when the step failed.
  var isOver: Bool { inFlight == 0 && (failure != nil || ended == ends.count) }

  /// `{"items": […]}`, null for an item that has failed; with `on_item_error` `keep` also `errors`.
  var outputs: JSONObject {
    var items: [JSONValue] = []
    var errors: [JSONValue] = []
    items.reserveCapacity(ends.count)
    for (index, end) in ends.enumerated() {
      switch end {
      case .outputs(let outputs): items.append(.object(outputs))
      case .failed(let failure):
        items.append(.null)
        errors.append([
          "item": .number(JSONNumber(index)), "error_code": .string(failure.code.rawValue),
          "error": .string(failure.message),
        ])
      case nil: items.append(.null)
      }
    }
    return keepsErrors ? ["items": .array(items), "errors": .array(errors)] : ["items": .array(items)]
  }
}
