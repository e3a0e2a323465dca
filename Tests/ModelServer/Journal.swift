import Synchronization

/// What has happened so far, for tests to look at and to wait for.
final class Journal: Sendable {
  struct Entries: Sendable {
    var calls: [ModelServer.Call] = []
    var disconnects = 0
  }

  private typealias Readers = [AsyncStream<Entries>.Continuation]
  private let state = Mutex((entries: Entries(), readers: Readers()))

  var entries: Entries { state.withLock { $0.entries } }

  func record(_ call: ModelServer.Call) { change { $0.calls.append(call) } }

  func recordDisconnect() { change { $0.disconnects += 1 } }

  /// Returns once the condition holds.
  /// - Throws: `Failure`, naming what was waited for, when that takes too long.
  func wait(
    _ what: String, within limit: Duration = .seconds(20), until condition: (Entries) -> Bool
  ) async throws {
    let (changes, reader) = AsyncStream.makeStream(of: Entries.self, bufferingPolicy: .bufferingNewest(1))
    state.withLock { state in
      reader.yield(state.entries)
      state.readers.append(reader)
    }
    let timer = Task {
      try await Task.sleep(for: limit)
      reader.finish()
    }
    defer {
      timer.cancel()
      reader.finish()
    }
    for await entries in changes where condition(entries) { return }
    let last = entries
    throw ModelServer.Failure(
      description: "waited for \(what); there are \(last.calls.count) calls and \(last.disconnects) disconnects")
  }

  private func change(_ edit: (inout Entries) -> Void) {
    state.withLock { state in
      edit(&state.entries)
      state.readers.removeAll { reader in
        if case .terminated = reader.yield(state.entries) { true } else { false }
      }
    }
  }
}
