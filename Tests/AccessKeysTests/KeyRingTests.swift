import LinuxSupport
import Testing

@testable import AccessKeys

/// The keys in force.
@Suite struct KeyRingTests {
  private let alice = AccessKey(name: "alice", secret: "a")

  @Test func `Only a key that is in force is found, under its name`() {
    let ring = KeyRing()
    #expect(!ring.isLoaded)
    #expect(ring.key(for: "a") == nil)
    ring.replace(with: [alice, AccessKey(name: "alice", secret: "b"), AccessKey(name: "bob", secret: "c", role: .read)])
    #expect(ring.isLoaded)
    #expect(ring.key(for: "a")?.name == "alice")
    #expect(ring.key(for: "b")?.name == "alice")
    #expect(ring.key(for: "c")?.role == .read)
    for wrong in ["", "A", "a ", "d", alice.digestText] { #expect(ring.key(for: wrong) == nil, "\(wrong)") }
    ring.replace(with: [])
    #expect(ring.isLoaded)
    #expect(ring.key(for: "a") == nil)
  }

  @Test func `Who waits for a revocation is told of it, and of no other`() async {
    let ring = KeyRing()
    let bob = AccessKey(name: "bob", secret: "b")
    ring.replace(with: [alice, bob])
    await withTaskGroup(of: String.self) { group in
      for key in [alice, bob] {
        group.addTask {
          await ring.untilRevoked(key)
          return key.name
        }
      }
      ring.replace(with: [bob, AccessKey(name: "alice", secret: "other")])
      #expect(await group.next() == "alice")
      #expect(ring.isInForce(bob) && !ring.isInForce(alice))
      // A key of another role is another key.
      ring.replace(with: [AccessKey(name: "bob", secret: "b", role: .read)])
      #expect(await group.next() == "bob")
    }
    await ring.untilRevoked(bob)
    let waiting = Task { await ring.untilRevoked(AccessKey(name: "bob", secret: "b", role: .read)) }
    waiting.cancel()
    await waiting.value
  }

  @Test func `A name has as many requests a second as its key says, whichever key it sends`() throws {
    let ring = KeyRing()
    let keys = ["a", "b"].map { AccessKey(name: "alice", secret: $0, limits: .init(requests: 2)) }
    let bob = AccessKey(name: "bob", secret: "c", limits: .init(requests: 1))
    ring.replace(with: keys + [bob])
    let start = MonotonicInstant.now
    #expect(ring.countRequest(of: keys[0], at: start) == nil)
    #expect(ring.countRequest(of: keys[1], at: start) == nil)
    #expect(ring.countRequest(of: keys[0], at: start) == .milliseconds(500))
    #expect(ring.countRequest(of: bob, at: start) == nil)
    #expect(ring.countRequest(of: keys[1], at: start + .milliseconds(400)) == .milliseconds(100))
    #expect(ring.countRequest(of: keys[1], at: start + .milliseconds(500)) == nil)
    // No more is saved up than a second has.
    for count in 0..<3 {
      #expect((ring.countRequest(of: keys[0], at: start + .seconds(3_600)) == nil) == (count < 2))
    }
    #expect(ring.countRequest(of: alice, at: start) == nil)
  }
}
