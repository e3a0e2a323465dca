import ExactJSON
import Hiredis
import RedisFixture
import Testing
import Workflow
import WorkflowOperations
import WorkflowStore

/// A Redis that comes back without its newest writes, as after a power loss or a failover.
@Suite(.timeLimit(.minutes(5))) struct RestoredRedisTests {
  private let bench: WorkerBench

  init() throws { bench = try WorkerBench() }

  /// Has Redis forget everything after this moment, once `end()` is called.
  private func save() async throws { _ = try await bench.redis.send(["SAVE"], timeout: .seconds(20)) }

  private func loseTheRest() {
    bench.server.kill()
    bench.server.start()
  }

  @Test(arguments: 1...3)
  func `No call is made twice, and the run is whole`(callsSaved: Int) async throws {
    let (held, latch) = (CallCount(), Latch())
    let call = Scripted("call") { invocation in .outputs(["of": .string(invocation.step)]) }
    let hold = Scripted("hold") { _ in
      held.add()
      await latch.wait()
      return .outputs(["of": "hold"])
    }
    let gates = (0..<3).map { _ in Latch() }
    let gated = Scripted("gated") { invocation in
      await gates[Int(invocation.step.suffix(1)) ?? 0].wait()
      return .outputs(["of": .string(invocation.step)])
    }
    try await bench.withWorkers([call, hold, gated, StoreResult()]) {
      let id = try await bench.submit(steps)
      // Each gate lets one call end; what Redis keeps ends after some of them.
      for gate in 0..<3 {
        // Redis keeps the claim: a run whose claim is lost begins again.
        _ = try await bench.run(id) { $0.log.contains { $0.contains(#""step_start","step":"g\#(gate)""#) } }
        if gate + 1 == callsSaved { try await save() }
        gates[gate].open()
        _ = try await bench.run(id) { $0.log.contains { $0.contains(#""step_done","step":"g\#(gate)""#) } }
      }
      _ = try await bench.run(id) { $0.log.contains { $0.contains(#""step_start","step":"h""#) } }
      while held.value == 0 { try await ContinuousClock().sleep(for: .milliseconds(1)) }
      loseTheRest()
      _ = try await bench.run(id) { run in
        run.status == .started && !run.log.contains { $0.contains(#""step_start","step":"h""#) }
      }
      latch.open()
      let run = try await bench.end(of: id)
      #expect(run.status == .finished)
      #expect(gated.calls.value == 3 && hold.calls.value == 1)
      #expect(run.log.filter { $0.contains("step_done") }.count == 5 && !run.log.contains { $0.contains("resumed") })
      let store = "\(bench.partitions.store(of: id).keys.prefix)store:kept"
      let items = try await bench.redis.send(["LLEN", store], timeout: .seconds(20)).int
      #expect(items == 1)
      #expect(run.result.map { String(decoding: $0, as: UTF8.self) }?.hasSuffix(#""stores":{"kept":["g0"]}}"#) == true)
    }
  }

  @Test func `A run whose end was lost ends again, without a call being made twice`() async throws {
    let call = Scripted("call") { invocation in .outputs(["of": .string(invocation.step)]) }
    let gate = Latch()
    let gated = Scripted("gated") { _ in
      await gate.wait()
      return .outputs([:])
    }
    try await bench.withWorkers([call, gated, StoreResult()]) {
      let id = try await bench.submit([("c", "call"), ("g", "gated"), ("d", "call")])
      _ = try await bench.run(id) { $0.log.contains { $0.contains(#""step_start","step":"g""#) } }
      try await save()
      gate.open()
      let first = try await bench.end(of: id)
      loseTheRest()
      // The end that was lost, written by the worker which remembers it.
      _ = try await bench.run(id) { $0.status == .finished }
      let second = try await bench.end(of: id)
      #expect(second.log == first.log && second.result == first.result)
      #expect(call.calls.value == 2 && gated.calls.value == 1)
      let next = try await bench.end(of: bench.submit([("c", "call")]))
      #expect(next.status == .finished)
    }
  }

  /// Three calls, a value stored after the first, and a call that is in progress when Redis dies.
  private var steps: [StepDefinition] {
    [
      StepDefinition(id: "g0", op: "gated", needs: [], params: [:]),
      StepDefinition(id: "s", op: "store_result", needs: [], params: ["namespace": "kept", "data": "@g0.of"]),
      StepDefinition(id: "g1", op: "gated", needs: ["g0", "s"], params: [:]),
      StepDefinition(id: "g2", op: "gated", needs: ["g1"], params: [:]),
      StepDefinition(id: "h", op: "hold", needs: ["g2"], params: [:]),
    ]
  }
}
