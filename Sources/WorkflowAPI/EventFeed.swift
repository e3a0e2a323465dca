import FastCGI
import Synchronization
import Workflow
import WorkflowStore

/// Sends the events of a run to one client, in order and each once, until the run has ended or the client disconnects.
actor EventFeed {
  /// The update that the route has read, to be taken once.
  final class InitialUpdate: Sendable {
    private let parts: Mutex<(update: RunUpdate, share: Quota.Share?)?>

    init(update: RunUpdate?, share: Quota.Share?) { parts = Mutex(update.map { ($0, share) }) }

    fileprivate func take() -> (update: RunUpdate, share: Quota.Share?)? { parts.withLock { $0.take() } }
  }

  private let id: JobID
  private let store: RunStore
  private let events: RunEvents
  private let quota: Quota
  private let write: @Sendable ([UInt8]) async throws(FastCGIClientGone) -> Void
  private var next: Int
  private var status: RunStatus?
  private var texts = TextFeed()
  private var hasBegun = false
  private var isWriting = false
  private var isOver = false

  /// - Parameters:
  ///   - quota: the bytes that may be in transit to all clients together.
  ///   - next: the index of the first progress entry to send.
  ///   - write: sends bytes to the client, and returns when they were sent.
  init(
    id: JobID, store: RunStore, events: RunEvents, quota: Quota, next: Int,
    write: @escaping @Sendable ([UInt8]) async throws(FastCGIClientGone) -> Void
  ) {
    self.id = id
    self.store = store
    self.events = events
    self.quota = quota
    self.next = next
    self.write = write
  }

  /// Sends events as they arrive, and a comment after each interval of `heartbeat` without pending bytes.
  func run(from initial: InitialUpdate, heartbeat: Duration) async {
    let beat = Task { [weak self] in
      while true {
        do { try await Task.sleep(for: heartbeat) } catch { return }
        await self?.beat()
      }
    }
    defer { beat.cancel() }
    do throws(FastCGIClientGone) {
      if let (update, share) = initial.take() {
        if try await send(update, skipping: 0, share) { return }
        if update.hasMore, try await catchUp() { return }
      } else {
        // nginx sends the headers together with the first bytes of the body.
        try await write(Array(": waiting for Redis\n".utf8))
      }
      for await notification in events.watch(id, from: next) where try await send(notification) { return }
    } catch {}
  }

  /// Sends a comment of one line: some clients treat a comment before a blank line as an event. Not while bytes are
  /// pending, and not after the end.
  private func beat() async {
    if !isWriting, !isOver { try? await write(Array(": heartbeat\n".utf8)) }
  }

  /// Sends an update.
  /// - Returns: whether it was the last.
  private func send(_ notification: RunEvents.Notification) async throws(FastCGIClientGone) -> Bool {
    switch notification {
    case .update(let update, let first) where first <= next:
      if try await send(update, skipping: next - first, nil) { return true }
    // Entries that others have had already: this notification has taken the place of the one that brought them.
    case .texts(let last) where last > next:
      if try await catchUp() { return true }
    case .texts: break
    case .update, .refresh:
      if try await catchUp() { return true }
    }
    // No text before the status that says that the run is started.
    if status == .started { try await sendTexts() }
    return false
  }

  /// Sends what models have written since the last time.
  private func sendTexts() async throws(FastCGIClientGone) {
    let text = texts.render(events.texts(of: id))
    guard !text.isEmpty else { return }
    let share = text.count > Quotas.freeEvents ? await quota.wait(for: text.count) : nil
    defer { withExtendedLifetime(share) {} }
    isWriting = true
    defer { isWriting = false }
    try await write(text)
  }

  /// Reads and sends the entries that the client has not seen, in portions.
  private func catchUp() async throws(FastCGIClientGone) -> Bool {
    while true {
      guard let share = await quota.wait(for: RunStore.updatePortion) else { throw FastCGIClientGone() }
      let update: RunUpdate?
      do {
        update = try await store.update(of: id, from: next)
      } catch {
        // Redis is unreachable: the next update comes when it is back, and every few seconds.
        return false
      }
      // The run has expired.
      guard let update else { return true }
      if try await send(update, skipping: 0, share) { return true }
      if !update.hasMore { return false }
    }
  }

  /// - Parameter share: the share of the quota that was acquired for this update; nil to acquire one.
  private func send(
    _ update: RunUpdate, skipping seen: Int, _ share: Quota.Share?
  ) async throws(FastCGIClientGone) -> Bool {
    let text = render(update, skipping: seen)
    var share = share
    if share == nil, text.count > Quotas.freeEvents { share = await quota.wait(for: text.count) }
    defer { withExtendedLifetime(share) {} }
    isOver = update.isLast
    if !text.isEmpty {
      isWriting = true
      defer { isWriting = false }
      try await write(text)
    }
    return update.isLast
  }

  private func render(_ update: RunUpdate, skipping seen: Int) -> [UInt8] {
    var text: [UInt8] = []
    for entry in update.entries.dropFirst(seen) {
      text += "id: \(next)\ndata: ".utf8
      text += entry
      text += "\n\n".utf8
      next += 1
    }
    // A terminal status is sent after the last entry.
    if update.status != status, update.isLast || !update.status.isTerminal {
      text += "event: status\ndata: {\"status\":\"\(update.status.rawValue)\"}\n\n".utf8
      status = update.status
    }
    guard !hasBegun, !text.isEmpty else { return text }
    hasBegun = true
    // Part of the first event: some clients treat a block without data as an event.
    return Array("retry: 1000\n".utf8) + text
  }
}
