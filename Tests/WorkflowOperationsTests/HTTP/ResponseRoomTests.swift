import ExactJSON
import ModelServer
import Testing

@testable import WorkflowOperations

/// The memory of responses: what is taken, in which order, and given back.
@Suite(.timeLimit(.minutes(3))) struct ResponseRoomTests {
  @Test func `Room is given in the order in which it is asked for, and given back`() async throws {
    let room = ResponseRoom(bytes: 10)
    var first = await room.lease(6)
    #expect(first != nil)
    let large = Task { await room.lease(8) != nil }
    let larger = Task { await room.lease(100) != nil }
    first = nil
    #expect(await large.value)
    #expect(await larger.value)
    #expect(await room.lease(10) != nil)
  }

  @Test func `A task that is cancelled while it waits takes nothing, and does not stop those behind it`() async throws {
    let room = ResponseRoom(bytes: 10)
    let first = await room.lease(6)
    let waiting = Task { await room.lease(8) != nil }
    waiting.cancel()
    #expect(await !waiting.value)
    #expect(await room.lease(4) != nil)
    withExtendedLifetime(first) {}
  }

  @Test func `Hundreds who come and go leave the room as it was`() async throws {
    let room = ResponseRoom(bytes: 100)
    await withTaskGroup(of: Void.self) { group in
      for number in 1...300 {
        group.addTask {
          let task = Task {
            let lease = await room.lease(number % 60 + 1)
            await Task.yield()
            withExtendedLifetime(lease) {}
          }
          if number % 3 == 0 { task.cancel() }
          await task.value
        }
      }
    }
    #expect(await room.lease(100) != nil)
  }

  @Test(arguments: [[], [("Content-Encoding", "identity")]])
  func `Many long responses at once all arrive, whether their length is known or not`(
    headers: [(String, String)]
  ) async throws {
    // Those whose length is not known come two at a time, also where much else runs.
    let allowed = try AllowedServer(timeout: .seconds(150))
    allowed.server.behaviour = .bytes(Array(repeating: 0x61, count: 1 << 20), headers: headers)
    try await withThrowingTaskGroup(of: Int?.self) { group in
      for _ in 1...8 {
        group.addTask {
          try await allowed.outputs("/", ["max_bytes": .number(JSONNumber(32 << 20))])["body"]?.stringValue?.utf8.count
        }
      }
      for try await count in group { #expect(count == 1 << 20) }
    }
  }
}
