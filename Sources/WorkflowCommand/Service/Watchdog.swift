import WorkflowStore

/// Feeds systemd's watchdog for the API: at every turn in which the API's own way to Redis came to an answer or to a
/// timeout. An outage of Redis restarts nothing; a process whose tasks or connection are stuck is restarted.
struct Watchdog {
  let manager: ServiceManager
  let store: RunStore

  /// Feeds until the task is cancelled.
  func run() async {
    guard let interval = manager.watchdogInterval else { return }
    while !Task.isCancelled {
      let health = try? await store.health()
      manager.alive()
      manager.status(health.map { "\($0.workers) workers, \($0.queued) runs queued" } ?? "Redis does not answer")
      try? await Task.sleep(for: interval / 3)
    }
  }
}
