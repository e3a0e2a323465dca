import Testing
import WorkflowStore

@testable import WorkflowWorker

/// Which runs a worker holds, and which of them must stop.
@Suite(.timeLimit(.minutes(5))) struct ActiveRunsTests {
  private let runs = ActiveRuns(limit: 2)

  /// A run that the worker executes until it is cancelled; its token is reported when it ends.
  private func acquire(
    _ run: HeldRun, isQuarantined: Bool = false, _ ends: AsyncStream<String>.Continuation,
    onSlotFree: @escaping @Sendable () -> Void = {}
  ) {
    runs.acquire(
      run, isQuarantined: isQuarantined,
      { [runs] in
        try? await Task.sleep(for: .seconds(3_600))
        ends.yield("\(run.token) \(runs.stop(of: run).map { "\($0)" } ?? "nothing")")
      }, onSlotFree: onSlotFree)
  }

  private func run(_ token: String = "1", _ id: JobID = JobID()) -> HeldRun { HeldRun(id: id, token: token) }

  @Test func `A run occupies a slot until its task ends`() async {
    let (freed, free) = AsyncStream.makeStream(of: Void.self)
    let latch = Latch()
    #expect(runs.freeSlots == 2 && runs.count == 0)
    let run = run()
    let isNew = runs.acquire(run, isQuarantined: false, { await latch.wait() }, onSlotFree: { free.yield() })
    #expect(isNew && runs.freeSlots == 1 && runs.count == 1 && runs.held == [run] && runs.stop(of: run) == nil)
    let isNewAgain = runs.acquire(run, isQuarantined: false) {}
    #expect(!isNewAgain)
    latch.open()
    for await _ in freed { break }
    #expect(runs.freeSlots == 2 && runs.count == 0 && runs.stop(of: run) == .lost && runs.entry(of: run) == nil)
  }

  @Test func `A newer claim of a run cancels the task of the older one`() async {
    let (ended, ends) = AsyncStream<String>.makeStream()
    let id = JobID()
    acquire(run("1-old", id), ends)
    acquire(run("2-new", id), ends)
    var iterator = ended.makeAsyncIterator()
    #expect(await iterator.next() == "1-old lost")
    #expect(runs.count == 1 && runs.stop(of: run("2-new", id)) == nil)
    runs.handBackAll()
    #expect(await iterator.next() == "2-new handBack")
  }

  @Test func `Only the claim that holds a run can lose it, once`() async {
    let (ended, ends) = AsyncStream<String>.makeStream()
    let held = run("1")
    acquire(held, ends)
    #expect(runs.markLost([run("0", held.id)]).isEmpty && runs.stop(of: held) == nil)
    #expect(runs.markLost([run(), held]) == [held])
    #expect(runs.markLost([held]).isEmpty && runs.held.isEmpty)
    var iterator = ended.makeAsyncIterator()
    #expect(await iterator.next() == "1 lost")
  }

  @Test func `Every run is handed back, also one that is acquired later; a lost run stays lost`() async {
    let (ended, ends) = AsyncStream<String>.makeStream()
    let lost = run("lost")
    acquire(lost, ends)
    acquire(run("first"), ends)
    _ = runs.markLost([lost])
    runs.handBackAll()
    var seen: Set<String> = []
    var iterator = ended.makeAsyncIterator()
    while seen.count < 2, let end = await iterator.next() { seen.insert(end) }
    #expect(seen == ["lost lost", "first handBack"])
    let later = run("later")
    acquire(later, ends)
    #expect(runs.stop(of: later) == .handBack)
    runs.abandonAll()
    #expect(await iterator.next() == "later lost")
  }

  @Test func `A quarantined run is cleared by its own claim alone, and frees the worker for others`() async {
    let (_, ends) = AsyncStream<String>.makeStream()
    let (freed, free) = AsyncStream.makeStream(of: Void.self)
    let held = run("1")
    acquire(held, isQuarantined: true, ends, onSlotFree: { free.yield() })
    runs.clear(run("0", held.id))
    #expect(runs.hasQuarantined)
    runs.clear(held)
    #expect(!runs.hasQuarantined && runs.count == 1)
    for await _ in freed { break }
    runs.abandonAll()
  }
}
