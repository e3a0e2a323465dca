import Hiredis
import RedisFixture
import Testing
import Workflow

@testable import WorkflowStore

/// Which partition a run is in, and how many there are.
@Suite(.timeLimit(.minutes(5))) struct PartitionTests {
  private static let server = RedisServer()

  /// The partitions of a test, under a prefix that no other test uses.
  private func partitions(_ count: Int, under prefix: String = #function) throws -> Partitions {
    let redis = RedisConnection(try Self.server.address(), name: "test", logger: .silent)
    return Partitions(redis, keys: Keys(prefix: prefix), count: count, timeout: patience)
  }

  private func submission(_ id: JobID, key: String? = nil, inputs: String = "{}") -> Submission {
    Submission.sample(id, inputs: inputs, idempotencyKey: key)
  }

  // MARK: Where a run is

  @Test func `The hash is FNV-1a of 32 bits`() {
    #expect(Partitions.hash("") == 0x811c_9dc5)
    #expect(Partitions.hash("a") == 0xe40c_292c)
    #expect(Partitions.hash("foobar") == 0xbf9c_f968)
  }

  @Test func `A single partition has the prefix of all keys, each of several its own`() throws {
    #expect(try partitions(1, under: "wf:").all.map(\.keys.prefix) == ["wf:"])
    #expect(try partitions(3, under: "wf:").all.map(\.keys.prefix) == ["wf:{0}:", "wf:{1}:", "wf:{2}:"])
  }

  @Test func `The partition of a run follows from its id, as it is documented`() throws {
    let id = try #require(JobID("b7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a2"))
    #expect(try partitions(1).number(of: id) == 0)
    #expect(try partitions(4).number(of: id) == Int(Partitions.hash("b7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a2") % 4))
    let same = try #require(JobID(id.description.uppercased()))
    #expect(try partitions(4).number(of: same) == partitions(4).number(of: id))
  }

  @Test(arguments: [2, 3, 4, 64])
  func `Random ids are spread over all partitions`(count: Int) throws {
    let partitions = try partitions(count)
    var runs = [Int](repeating: 0, count: count)
    for _ in 0..<count * 200 { runs[partitions.number(of: JobID())] += 1 }
    #expect(runs.allSatisfy { (100...300).contains($0) }, "\(runs)")
  }

  @Test func `A run's id is that of its request`() throws {
    let request = "0123456789abcdef0123456789abcdef"
    for count in [1, 4] {
      let id = try partitions(count).newID(requestID: request, idempotencyKey: nil)
      #expect(id == JobID(requestID: request))
    }
    #expect(try partitions(1).newID(requestID: request, idempotencyKey: "key") == JobID(requestID: request))
  }

  @Test func `A run with an idempotency key is in the partition of its key`() throws {
    let partitions = try partitions(64)
    for key in ["", "a", "key 1", "wf:{3}:"] {
      for request in ["0123456789abcdef0123456789abcdef", "no hexadecimal digits"] {
        let id = partitions.newID(requestID: request, idempotencyKey: key)
        #expect(partitions.number(of: id) == partitions.number(ofIdempotencyKey: key))
      }
    }
  }

  // MARK: Submissions

  @Test func `Each run is written under the prefix of its partition, and found there by its id`() async throws {
    let partitions = try partitions(4)
    let group = GroupSubmit(partitions)
    let ids = (0..<40).map { _ in JobID() }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for id in ids {
        tasks.addTask {
          let answer = try await group.submit(submission(id))
          #expect(answer == .accepted(id))
        }
      }
      try await tasks.waitForAll()
    }
    for id in ids {
      for (number, store) in partitions.all.enumerated() {
        let isThere = try await store.facts(of: id) != nil
        #expect(isThere == (number == partitions.number(of: id)))
      }
      #expect(try await partitions.store(of: id).facts(of: id)?.status == .queued)
    }
    let counts = try await queued(partitions)
    #expect(counts.reduce(0, +) == 40 && counts.allSatisfy { $0 > 0 })
  }

  @Test func `An idempotency key makes one run, whichever id comes with it`() async throws {
    let partitions = try partitions(4)
    let group = GroupSubmit(partitions)
    for number in 0..<20 {
      let key = "key \(number)"
      let first = partitions.newID(requestID: "", idempotencyKey: key)
      #expect(try await group.submit(submission(first, key: key)) == .accepted(first))
      let second = partitions.newID(requestID: "", idempotencyKey: key)
      #expect(try await group.submit(submission(second, key: key)) == .accepted(first))
      let third = partitions.newID(requestID: "", idempotencyKey: key)
      #expect(try await group.submit(submission(third, key: key, inputs: #"{"other":1}"#)) == .conflict(first))
    }
    #expect(try await queued(partitions).reduce(0, +) == 20)
  }

  @Test func `Submissions that are held are refused, and nothing of them is written`() async throws {
    let partitions = try partitions(1)
    let group = GroupSubmit(partitions)
    group.hold()
    do {
      _ = try await group.submit(submission(JobID()))
      Issue.record("it was accepted")
    } catch StoreError.unavailable(_, let outcomeUnknown) {
      #expect(!outcomeUnknown)
    }
    #expect(try await queued(partitions) == [0])
    group.release()
    let id = JobID()
    #expect(try await group.submit(submission(id)) == .accepted(id))
  }

  @Test func `The state of the whole is the sum of the partitions, and the fewest workers of any`() async throws {
    let partitions = try partitions(2)
    for (number, store) in partitions.all.enumerated() {
      for _ in 0...number { _ = try await store.submit(submission(JobID())) }
      for worker in 0...number {
        _ = try await store.send(["ZADD", store.keys.workers, "9999999999999", "worker \(worker)"])
      }
      _ = try await store.send(["HSET", store.keys.repairs, "broken", "\(number + 1)"])
    }
    let health = try await partitions.health()
    #expect(health.queued == 3 && health.started == 0 && health.workers == 1 && health.repairs == ["broken": 3])
  }

  private func queued(_ partitions: Partitions) async throws -> [Int] {
    var counts: [Int] = []
    for store in partitions.all { counts.append(try await store.health().queued) }
    return counts
  }

  // MARK: The count

  @Test func `The count is written down where there are no data, and holds for all who come after`() async throws {
    let four = try partitions(4)
    #expect(try await four.storedCount() == nil)
    #expect(try await four.mismatch() == nil)
    #expect(try await four.storedCount() == 4)
    #expect(try await four.mismatch() == nil)
    #expect(try await partitions(1).mismatch() == PartitionMismatch(stored: 4, configured: 1))
    #expect(try await partitions(2).mismatch() == PartitionMismatch(stored: 4, configured: 2))
    #expect(try await partitions(2).storedCount() == 4)
  }

  @Test func `Of several that come at once with different counts one wins`() async throws {
    let found = try await withThrowingTaskGroup { tasks in
      for count in 1...8 {
        let partitions = try partitions(count)
        tasks.addTask { (count, try await partitions.mismatch()) }
      }
      return try await tasks.reduce(into: [Int: PartitionMismatch?]()) { $0[$1.0] = $1.1 }
    }
    let winner = try #require(try await partitions(1).storedCount())
    for (count, mismatch) in found {
      #expect(mismatch == (count == winner ? nil : PartitionMismatch(stored: winner, configured: count)))
    }
  }

  @Test func `Data that are older than the count are one partition`() async throws {
    let one = try partitions(1)
    _ = try await one.all[0].submit(submission(JobID()))
    let mismatch = try #require(try await partitions(4).mismatch())
    #expect(mismatch == PartitionMismatch(stored: 1, configured: 4))
    #expect("\(mismatch)".contains("WF_PARTITIONS is 4") && "\(mismatch)".contains("have 1 partition"))
    #expect(try await one.mismatch() == nil)
    #expect(try await partitions(4).mismatch() == mismatch)
  }

  @Test func `A run of the first format is one partition, too`() async throws {
    let one = try partitions(1)
    _ = try await one.all[0].send(["RPUSH", "\(one.keys.prefix)queue:1", JobID().description])
    #expect(try await partitions(2).mismatch() == PartitionMismatch(stored: 1, configured: 2))
  }

  @Test func `A count that is no number is damage`() async throws {
    let one = try partitions(1)
    _ = try await one.all[0].send(["SET", one.keys.partitions, "many"])
    await #expect(throws: StoreError.damaged("\(one.keys.partitions) is many")) { try await one.mismatch() }
  }
}
