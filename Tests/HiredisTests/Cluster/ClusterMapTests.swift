import Testing

@testable import Hiredis

@Suite struct ClusterMapTests {
  private func node(_ host: RedisReply, _ port: Int) -> RedisReply {
    .array([host, .integer(port), .bytes(Array("id".utf8)), .array([])])
  }

  private func text(_ text: String) -> RedisReply { .bytes(Array(text.utf8)) }

  private func range(_ first: Int, _ last: Int, _ nodes: RedisReply...) -> RedisReply {
    .array([.integer(first), .integer(last)] + nodes)
  }

  private let asked = RedisAddress.Host(name: "asked", port: 1)

  @Test func `Slots, primaries and replicas are read`() throws {
    let reply = RedisReply.array([
      range(0, 5, node(text("a"), 7000), node(text("r"), 7003)), range(10, 10, node(text("a"), 7000)),
      range(6, 9, node(text("::1"), 7001)), range(11, 16_383, node(.null, 7002)),
    ])
    let map = try #require(ClusterMap(reply, asked: asked))
    #expect(map.owner(of: 0) == .init(name: "a", port: 7000) && map.owner(of: 5) == map.owner(of: 10))
    #expect(map.owner(of: 6) == .init(name: "::1", port: 7001))
    // A node that does not know its own address is where it was asked.
    #expect(map.owner(of: 16_383) == .init(name: "asked", port: 7002))
    #expect(map.primaries.map(\.description) == ["a:7000", "[::1]:7001", "asked:7002"])
    #expect(map.slots(of: .init(name: "a", port: 7000)) == 7 && map.slots(of: asked) == 0)
    #expect(map.replicas == [.init(name: "r", port: 7003)] && map.uncovered == 0)
  }

  @Test func `Slots without a node, or with one of an unknown name, are not served`() throws {
    let map = try #require(
      ClusterMap(.array([range(0, 9, node(text("?"), 1)), range(10, 19, node(text(""), 2))]), asked: asked))
    #expect(map.owner(of: 9) == nil && map.owner(of: 10) == .init(name: "asked", port: 2) && map.owner(of: 20) == nil)
    #expect(map.uncovered == KeySlot.count - 10)
    #expect(ClusterMap(.array([]), asked: asked)?.primaries == [])
  }

  @Test(arguments: [
    RedisReply.status("OK"), .array([.integer(1)]), .array([.array([.integer(0), .integer(16_384), .array([])])]),
    .array([.array([.integer(9), .integer(3), .array([])])]), .array([.array([.integer(0), .integer(3)])]),
  ])
  func `Another reply is no map`(reply: RedisReply) {
    #expect(ClusterMap(reply, asked: asked) == nil)
  }

  @Test func `A node that has lost its last slot is no primary`() {
    var map = ClusterMap()
    let (one, two) = (RedisAddress.Host(name: "a", port: 1), RedisAddress.Host(name: "b", port: 1))
    map.serve(0...16_383, at: one)
    map.serve(7...7, at: two)
    #expect(map.primaries == [one, two] && map.owner(of: 7) == two)
    map.serve(0...16_383, at: two)
    #expect(map.primaries == [two])
  }

  @Test func `A cluster that works counts more than one that is cut off, and the later more than the earlier`() {
    func answer(_ epoch: Int, isWell: Bool) -> ClusterAnswer {
      ClusterAnswer(node: asked, map: ClusterMap(), epoch: epoch, isWell: isWell)
    }
    #expect(answer(1, isWell: true).isBetter(than: answer(9, isWell: false)))
    #expect(answer(2, isWell: true).isBetter(than: answer(1, isWell: true)))
    #expect(!answer(1, isWell: false).isBetter(than: answer(1, isWell: false)))
  }
}
