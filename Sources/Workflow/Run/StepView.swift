/// What a run's status says of one step, folded from the progress log.
public struct StepView: Sendable, Equatable {
  /// The status of a step.
  public enum Status: String, Sendable, Equatable, CaseIterable {
    /// It waits for other steps or for a worker.
    case pending
    /// An attempt is under way.
    case running
    /// An attempt has failed, and the next one waits for its time.
    case waiting
    /// Its outputs are recorded.
    case done
    /// It was not run: its condition does not hold.
    case skipped
    /// It failed for good.
    case failed
  }

  /// The step's id.
  public let id: String
  /// Its operation; nil when the log does not say.
  public var op: String?
  /// Its status.
  public var status = Status.pending
  /// How often it began.
  public var attempts = 0
  /// When it first began, in seconds since 1970, as text.
  public var startedAt: ArraySlice<UInt8>?
  /// When it ended, in seconds since 1970, as text.
  public var finishedAt: ArraySlice<UInt8>?
  /// Whether the placeholder was used because the model failed.
  public var isDegraded = false
  /// Its last `step_progress`: how many of its items have ended.
  public var lastProgress: ProgressHead?
  /// The positions of its `step_retry` entries in the log.
  public var retryEntries: [Int] = []
  /// The last of these entries.
  public var lastRetry: ProgressHead?
  /// The position of its `step_done` in the log.
  public var doneEntry: Int?

  /// A step of which nothing has been heard.
  public init(id: String, op: String? = nil) {
    self.id = id
    self.op = op
  }

  /// The steps of a run as its log shows them.
  /// - Parameters:
  ///   - known: the run's steps, where its definition is at hand; others are added as the log names them.
  ///   - isStarted: whether the run is held by a worker; if not, no step is running.
  public static func fold(_ log: [ProgressHead?], known: [StepView] = [], isStarted: Bool) -> [StepView] {
    var steps = StepList(views: known)
    for (index, head) in log.enumerated() {
      guard let head else { continue }
      // What was under way when the run moved to another worker begins again.
      if head.says("resumed") { steps.interrupt() }
      guard let step = head.step else {
        if head.says("failed") || head.says("cancelled") { steps.interrupt(withWaiting: true) }
        continue
      }
      let position = steps.position(of: step)
      steps.views[position].apply(head, at: index)
    }
    if !isStarted { steps.interrupt() }
    return steps.views
  }

  /// The steps in the order in which they became known.
  private struct StepList {
    var views: [StepView]
    /// The position of each step; empty while there are so few that a scan is faster.
    var positions: [String: Int] = [:]

    private static let mostScanned = 16

    init(views: [StepView]) { self.views = views }

    /// The position of a step, which is added if it is new.
    mutating func position(of step: String) -> Int {
      if let position = knownPosition(of: step) { return position }
      views.append(StepView(id: step))
      return views.count - 1
    }

    private mutating func knownPosition(of step: String) -> Int? {
      if views.count <= Self.mostScanned { return views.lastIndex { $0.id == step } }
      for position in positions.count..<views.count { positions[views[position].id] = position }
      return positions[step]
    }

    /// - Parameter withWaiting: whether the run has ended: nothing waits any more.
    mutating func interrupt(withWaiting: Bool = false) {
      for position in views.indices {
        let status = views[position].status
        if status == .running || withWaiting && status == .waiting { views[position].status = .pending }
      }
    }
  }

  private static let itemMember = Array(#""item":"#.utf8)
  private static let turnMember = Array(#""waits_for":"#.utf8)

  private mutating func wait(_ head: ProgressHead, at index: Int) {
    // An item of a step waits; the step runs.
    if !head.membersBehindStep.starts(with: Self.itemMember) { status = .waiting }
    // A call that waits for its turn was no attempt.
    if head.membersBehindStep.starts(with: Self.turnMember) { attempts = max(0, attempts - 1) }
    retryEntries.append(index)
    lastRetry = head
  }

  private mutating func apply(_ head: ProgressHead, at index: Int) {
    if head.says("step_reset") {
      self = StepView(id: id, op: op)
    } else if head.says("step_start") {
      attempts += 1
      status = .running
      op = head.op ?? op
      startedAt = startedAt ?? head.timestamp
    } else if head.says("step_progress") {
      // Also of a step that is taken up again, whose start is logged once; or not in this generation, which has kept
      // some of its items.
      status = .running
      attempts = max(1, attempts)
      startedAt = startedAt ?? head.timestamp
      lastProgress = head
    } else if head.says("step_retry") {
      wait(head, at: index)
    } else if head.says("step_done") {
      status = .done
      finishedAt = head.timestamp
      doneEntry = index
    } else if head.says("llm_fallback") {
      isDegraded = true
    } else if head.says("step_skipped") {
      status = .skipped
      finishedAt = head.timestamp
    } else if head.says("step_failed") {
      status = .failed
      finishedAt = head.timestamp
    }
  }
}
