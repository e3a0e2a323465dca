import Synchronization
import Testing

@testable import WorkflowWorker

/// Runs that wait give their slots to others.
@Suite(.timeLimit(.minutes(1))) struct RunSlotTests {
  private func slot(of slots: RunSlots, onFree: @escaping @Sendable () -> Void = {}) -> RunSlot {
    let slot = RunSlot(of: slots, onFree: onFree)
    slot.begin()
    return slot
  }

  /// A run that comes to wait for a moment, and another that gets its slot as soon as it is free. The slot is wanted
  /// back a millisecond later: who looks for it from outside may come too late.
  private func giveUpSlot(
    of slots: RunSlots
  ) async throws -> (waiting: RunSlot, back: Task<Void, any Error>, other: RunSlot) {
    let (others, taken) = AsyncStream.makeStream(of: RunSlot.self)
    let waiting = slot(of: slots) { taken.yield(slot(of: slots)) }
    let back = Task { try await waiting.wait(for: .milliseconds(1)) }
    var iterator = others.makeAsyncIterator()
    // The stream ends only with the test's time.
    guard let other = await iterator.next() else { throw CancellationError() }
    return (waiting, back, other)
  }

  /// Returns once a condition holds; throws when the test's time is over.
  private func until(_ condition: () -> Bool) async throws {
    while !condition() {
      try Task.checkCancellation()
      await Task.yield()
    }
  }

  /// A wait that lasts until it is cancelled; returns once it has begun.
  private func wait(in slot: RunSlot) async throws -> Task<Void, any Error> {
    let task = Task { try await slot.wait(for: .seconds(3600)) }
    try await until { slot.isWaiting }
    return task
  }

  @Test func `A run that waits gives up its slot, and reports it`() async throws {
    let slots = RunSlots(1)
    let (freed, free) = AsyncStream.makeStream(of: Void.self)
    let slot = slot(of: slots) { free.yield() }
    #expect(slots.free == 0)
    let task = try await wait(in: slot)
    for await _ in freed { break }
    #expect(slots.free == 1)
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    slot.end()
    slot.close()
    #expect(slots.free == 1)
  }

  @Test func `A run gives up its slot when its last working step ends and another waits`() async throws {
    let slots = RunSlots(1)
    let (freed, free) = AsyncStream.makeStream(of: Void.self)
    let slot = slot(of: slots) { free.yield() }
    slot.begin()
    let task = Task { try await slot.wait(for: .seconds(3600)) }
    try await until { slot.hasWaiting }
    #expect(slots.free == 0)
    slot.end()
    for await _ in freed { break }
    #expect(slots.free == 1)
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    slot.end()
    slot.close()
    #expect(slots.free == 1)
  }

  @Test func `A run that continues acquires a free slot before runs that are claimed`() async throws {
    let slots = RunSlots(1)
    let (waiting, back, other) = try await giveUpSlot(of: slots)
    #expect(slots.free == 0)
    // It wants its slot back by now or a little later; it gets the other's either way.
    other.end()
    other.close()
    try await back.value
    #expect(slots.free == 0)
    waiting.end()
    waiting.close()
    #expect(slots.free == 1)
  }

  @Test func `A run that waits for a slot can be cancelled`() async throws {
    let slots = RunSlots(1)
    let (waiting, back, other) = try await giveUpSlot(of: slots)
    back.cancel()
    await #expect(throws: CancellationError.self) { try await back.value }
    waiting.end()
    waiting.close()
    #expect(slots.free == 0)
    other.end()
    other.close()
    #expect(slots.free == 1)
  }

  @Test func `A run with a step that works keeps its slot while another step waits`() async throws {
    let slots = RunSlots(1)
    let slot = slot(of: slots)
    slot.begin()
    let waits = Atomic(false)
    let task = Task {
      waits.store(true, ordering: .releasing)
      try await slot.wait(for: .seconds(3600))
    }
    try await until { waits.load(ordering: .acquiring) }
    #expect(!slot.isWaiting)
    #expect(slots.free == 0)
    task.cancel()
    _ = try? await task.value
  }

  @Test func `Two steps that continue acquire one slot together`() async throws {
    let slots = RunSlots(2)
    let slot = slot(of: slots)
    slot.begin()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 1...2 { group.addTask { try await slot.wait(for: .milliseconds(1)) } }
      try await group.waitForAll()
    }
    #expect(slots.free == 1)
    slot.end()
    slot.end()
    slot.close()
    #expect(slots.free == 2)
  }

  @Test func `Ten runs per slot may wait without one; others keep theirs`() async throws {
    let slots = RunSlots(1)
    var tasks: [Task<Void, any Error>] = []
    for _ in 1...10 {
      tasks.append(try await wait(in: slot(of: slots)))
      try await until { slots.free > 0 }
    }
    tasks.append(try await wait(in: slot(of: slots)))
    #expect(slots.free == 0)
    for task in tasks { task.cancel() }
    for task in tasks { _ = try? await task.value }
  }

  @Test func `In any order of waits, returns and ends, no slot is lost or added`() async throws {
    let slots = RunSlots(3)
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<200 {
        group.addTask {
          let slot = slot(of: slots)
          let task = Task { for _ in 1...5 { try await slot.wait(for: .microseconds(number * 7 % 50)) } }
          if number % 3 == 0 { task.cancel() }
          _ = try? await task.value
          slot.end()
          slot.close()
        }
      }
    }
    #expect(slots.free == 3)
  }
}
