import WorkflowStore

/// Feeds systemd's watchdog for the API: at every turn in which the API's own way to Redis came to an answer or to a
/// timeout. An outage of Redis restarts nothing; a process whose tasks or connection are stuck is restarted.
struct Watchdog {
  let notifier: SystemdNotifier
  let partitions: Partitions
  let outages: OutageLog

  /// Feeds until the task is cancelled.
  func run() async {
    guard let interval = notifier.watchdogInterval else { return }
    while !Task.isCancelled {
      let status: String
      do throws(StoreError) {
        let (health, down) = try await partitions.knownHealth()
        status =
          "\(health.workers) workers, \(health.queued) runs queued"
          + (down.isEmpty ? "" : "; down: \(Partitions.named(down))")
        outages.noteSuccess()
      } catch {
        status = error.isAnswer ? "Redis refuses what wf needs" : "Redis does not answer"
        outages.note(error)
      }
      notifier.alive()
      notifier.status(status)
      try? await Task.sleep(for: interval / 3)
    }
  }
}
