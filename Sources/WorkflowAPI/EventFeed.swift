import FastCGI
import Workflow
import WorkflowStore

/// Writes one client's events, in order and each once, until the run has ended or the client has gone.
actor EventFeed {
  private let id: JobID
  private let store: RunStore
  private let stream: FastCGIBodyStream
  private var next: Int
  private var status: RunStatus?

  /// - Parameter next: index of the first progress entry to send.
  init(id: JobID, store: RunStore, stream: FastCGIBodyStream, next: Int) {
    self.id = id
    self.store = store
    self.stream = stream
    self.next = next
  }

  /// Writes what comes, and a comment whenever nothing has come for a heartbeat's time.
  func run(_ looks: AsyncStream<RunEvents.Look>, heartbeat: Duration) async {
    let beat = Task { [weak self] in
      while true {
        do { try await Task.sleep(for: heartbeat) } catch { return }
        await self?.beat()
      }
    }
    defer { beat.cancel() }
    for await look in looks {
      do throws(FastCGIClientGone) {
        if try await tell(look) { return }
      } catch {
        return
      }
    }
    // The server stops: the client is to come back soon, to another process. One that has gone reads no more.
    try? await stream.write(Array("retry: 1000\n\n".utf8))
  }

  private func beat() async { try? await stream.write(Array(": heartbeat\n\n".utf8)) }

  /// Sends what is new.
  /// - Returns: whether that was the last.
  private func tell(_ look: RunEvents.Look) async throws(FastCGIClientGone) -> Bool {
    if case .news(let news, let first) = look, first <= next {
      return try await send(news, skipping: next - first)
    }
    let news: RunNews?
    do {
      news = try await store.news(of: id, from: next)
    } catch {
      // Redis is away: it is looked at again when it is back, and every few seconds.
      return false
    }
    // A run that has expired meanwhile says no more.
    guard let news else { return true }
    return try await send(news, skipping: 0)
  }

  private func send(_ news: RunNews, skipping seen: Int) async throws(FastCGIClientGone) -> Bool {
    let text = render(news, skipping: seen)
    if !text.isEmpty { try await stream.write(text) }
    return news.status.isTerminal
  }

  private func render(_ news: RunNews, skipping seen: Int) -> [UInt8] {
    var text: [UInt8] = []
    for entry in news.entries.dropFirst(seen) {
      text += "id: \(next)\ndata: ".utf8
      text += entry
      text += "\n\n".utf8
      next += 1
    }
    if news.status != status {
      text += "event: status\ndata: {\"status\":\"\(news.status.rawValue)\"}\n\n".utf8
      status = news.status
    }
    return text
  }
}
