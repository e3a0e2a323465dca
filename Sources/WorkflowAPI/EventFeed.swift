import FastCGI
import Synchronization
import Workflow
import WorkflowStore

/// Writes one client's events, in order and each once, until the run has ended or the client has gone.
actor EventFeed {
  /// What the first look at the run has brought, taken once.
  final class Beginning: Sendable {
    private let parts: Mutex<(news: RunNews, share: Quota.Share?)?>

    init(news: RunNews?, share: Quota.Share?) { parts = Mutex(news.map { ($0, share) }) }

    fileprivate func take() -> (news: RunNews, share: Quota.Share?)? { parts.withLock { $0.take() } }
  }

  private let id: JobID
  private let store: RunStore
  private let events: RunEvents
  private let quota: Quota
  private let write: @Sendable ([UInt8]) async throws(FastCGIClientGone) -> Void
  private var next: Int
  private var status: RunStatus?
  private var hasBegun = false
  private var isWriting = false
  private var isOver = false

  /// - Parameters:
  ///   - quota: bytes that may be on their way to all clients together
  ///   - next: index of the first progress entry to send
  ///   - write: returns when the client has been sent what it is given
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

  /// Writes what comes, and a comment whenever nothing has come for a heartbeat's time.
  func run(from beginning: Beginning, heartbeat: Duration) async {
    let beat = Task { [weak self] in
      while true {
        do { try await Task.sleep(for: heartbeat) } catch { return }
        await self?.beat()
      }
    }
    defer { beat.cancel() }
    do throws(FastCGIClientGone) {
      if let (news, share) = beginning.take() {
        if try await send(news, skipping: 0, share) { return }
        if news.hasMore, try await catchUp() { return }
      } else {
        // nginx sends the head of the answer together with the first bytes of its body.
        try await write(Array(": waiting for Redis\n".utf8))
      }
      for await look in events.watch(id, from: next) where try await tell(look) { return }
    } catch {}
  }

  /// One line: some clients take a comment that a blank line follows for an event. None while the client has something
  /// to read, and none after the end.
  private func beat() async {
    if !isWriting, !isOver { try? await write(Array(": heartbeat\n".utf8)) }
  }

  /// Sends what is new.
  /// - Returns: whether that was the last.
  private func tell(_ look: RunEvents.Look) async throws(FastCGIClientGone) -> Bool {
    guard case .news(let news, let first) = look, first <= next else { return try await catchUp() }
    return try await send(news, skipping: next - first, nil)
  }

  /// Reads and sends what the client has not seen, a portion at a time.
  private func catchUp() async throws(FastCGIClientGone) -> Bool {
    while true {
      guard let share = await quota.wait(for: RunStore.newsPortion) else { throw FastCGIClientGone() }
      let news: RunNews?
      do {
        news = try await store.news(of: id, from: next)
      } catch {
        // Redis is away: the run is looked at again when it is back, and every few seconds.
        return false
      }
      // A run that nobody knows, or not any more, says nothing.
      guard let news else { return true }
      if try await send(news, skipping: 0, share) { return true }
      if !news.hasMore { return false }
    }
  }

  /// - Parameter share: what has been taken of the quota for these news.
  private func send(
    _ news: RunNews, skipping seen: Int, _ share: Quota.Share?
  ) async throws(FastCGIClientGone) -> Bool {
    let text = render(news, skipping: seen)
    var share = share
    if share == nil, text.count > Allowances.freeEvents { share = await quota.wait(for: text.count) }
    defer { withExtendedLifetime(share) {} }
    isOver = news.isLast
    if !text.isEmpty {
      isWriting = true
      defer { isWriting = false }
      try await write(text)
    }
    return news.isLast
  }

  private func render(_ news: RunNews, skipping seen: Int) -> [UInt8] {
    var text: [UInt8] = []
    for entry in news.entries.dropFirst(seen) {
      text += "id: \(next)\ndata: ".utf8
      text += entry
      text += "\n\n".utf8
      next += 1
    }
    // The end is told last.
    if news.status != status, news.isLast || !news.status.isTerminal {
      text += "event: status\ndata: {\"status\":\"\(news.status.rawValue)\"}\n\n".utf8
      status = news.status
    }
    guard !hasBegun, !text.isEmpty else { return text }
    hasBegun = true
    // Part of the first event: some clients take a block without data for an event.
    return Array("retry: 1000\n".utf8) + text
  }
}
