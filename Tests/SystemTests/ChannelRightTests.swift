import ExactJSON
import Hiredis
import ModelServer
import SystemHarness
import Testing

/// A Redis user without channels, as `ACL SETUSER` makes it by default: nothing can be published or subscribed to.
@Suite(.timeLimit(.minutes(2))) struct ChannelRightTests {
  @Test func `without channels runs are accepted, end, fill their stores, and watchers see them`() async throws {
    try await Stack.withModel(workers: 2, redis: ["user default on nopass ~wf:* resetchannels +@all"]) { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      var events = try await EventReader(stack, id)
      model.behaviour = .echo
      model.release()
      async let waited = stack.send("GET", "/status/\(id)?wait=30").json
      #expect(try await events.rest().last?.status == "finished")
      #expect(try await waited["status"] == "finished")
      #expect(try await stack.total("LLEN", "store:summaries") == 1)
      #expect(try await stack.run(Examples.example)["status"] == "finished")
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }
}
