import Glibc
import Subprocess
import Synchronization

/// The parts of a running stack: each is started again when it dies, and all are stopped in order.
final class DevParts: Sendable {
  private struct Running {
    let part: DevPart
    let task: Task<Void, Never>
  }

  private let folder: DevFolder
  private let environment: Environment
  /// Called for a part that cannot stay up.
  private let onFailure: @Sendable (String) -> Void
  private let running = Mutex<[Running]>([])
  /// The process groups of the parts that are up, by the part's name.
  private let groups = Mutex<[String: pid_t]>([:])
  private let isStopping = Atomic(false)

  init(
    folder: DevFolder, environment: Environment, onFailure: @escaping @Sendable (String) -> Void
  ) {
    self.folder = folder
    self.environment = environment
    self.onFailure = onFailure
  }

  /// Starts a part.
  func start(_ part: DevPart) {
    let task = Task { await supervise(part) }
    running.withLock { $0.append(Running(part: part, task: task)) }
  }

  /// Stops the parts, each stage when the one before it has stopped.
  func stop() async {
    isStopping.store(true, ordering: .relaxed)
    let all = running.withLock { $0 }
    for stage in DevPart.Stage.allCases {
      let tasks = all.filter { $0.part.stage == stage }.map(\.task)
      for task in tasks { task.cancel() }
      for task in tasks { await task.value }
    }
    for running in all { unlink(folder.processID(of: running.part.name)) }
  }

  /// Kills what is still there.
  func kill() {
    groups.withLock { for group in $0.values { Glibc.kill(-group, SIGKILL) } }
  }

  private func run(_ part: DevPart) async throws -> TerminationStatus {
    defer { groups.withLock { $0[part.name] = nil } }
    return try await part.run(in: folder, environment: environment) { group in
      self.groups.withLock { $0[part.name] = group }
    }
  }

  /// Keeps a part running until the task is cancelled.
  private func supervise(_ part: DevPart) async {
    var quickDeaths = 0
    while !Task.isCancelled {
      let started = ContinuousClock.now
      let status: TerminationStatus
      do {
        status = try await run(part)
      } catch {
        if !Task.isCancelled { onFailure("\(part.name) cannot be started: \(error)") }
        return
      }
      // Redis, which is stopped last, stays up for the others; what else dies meanwhile is not needed any more.
      if Task.isCancelled || isStopping.load(ordering: .relaxed) { return }
      quickDeaths = .now - started < .seconds(1) && !status.isOrdered ? quickDeaths + 1 : 0
      guard quickDeaths < 3 else {
        return onFailure("\(part.name) does not stay up (\(status.sentence)):\n\(folder.tail(of: part.name))")
      }
      let reason = status.isOrdered ? "" : folder.tail(of: part.name, lines: 1)
      Terminal.say(
        "wf dev: \(part.name) ended (\(status.sentence)); starting it again" + (reason.isEmpty ? "" : "\n" + reason))
      try? await Task.sleep(for: .milliseconds(300))
    }
  }
}

extension TerminationStatus {
  /// Whether somebody wanted the end: then the part is not to blame for it.
  fileprivate var isOrdered: Bool { [.exited(0), .signaled(SIGKILL), .signaled(SIGTERM)].contains(self) }

  /// How the process ended, such as `exit code 1` or `killed by signal 9`.
  var sentence: String {
    switch self {
    case .exited(let code): "exit code \(code)"
    case .signaled(let signal): "killed by signal \(signal)"
    }
  }

  /// The exit code that a shell reports.
  var shellCode: Int32 {
    switch self {
    case .exited(let code): code
    case .signaled(let signal): 128 + signal
    }
  }
}
