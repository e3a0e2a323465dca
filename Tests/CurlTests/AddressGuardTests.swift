import Curl
import Glibc
import LinuxSupport
import Synchronization
import Testing

/// Addresses that a client may not connect to.
@Suite(.timeLimit(.minutes(5)))
struct AddressGuardTests {
  /// The addresses that a client has asked about.
  private final class Asked: Sendable {
    let addresses = Mutex<[IPAddress]>([])
  }

  private func client(_ allows: Bool, _ asked: Asked) -> HTTPClient {
    HTTPClient(
      HTTPClientConfiguration(allowsAddress: { address in
        asked.addresses.withLock { $0.append(address) }
        return allows
      }))
  }

  @Test(arguments: ["127.0.0.1", "localhost", "2130706433", "127.1"])
  func `No byte goes to an address that is refused, whatever its name`(host: String) async throws {
    let server = TestServer.answering { _ in reply("secret") }
    defer { server.stop() }
    let asked = Asked()
    let error = await failure {
      try await client(false, asked).send(HTTPRequest(url: "http://\(host):\(server.port)/"))
    }
    guard case .refusedAddress(let address) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(!address.isPublic)
    #expect(error?.isTransient == false)
    #expect(asked.addresses.withLock { $0 }.contains { $0.description == "127.0.0.1" })
    #expect(server.connectionCount == 0)
  }

  @Test func `An address that is allowed is connected to, and asked for once per connection`() async throws {
    let server = TestServer.answering { _ in reply("fine") }
    defer { server.stop() }
    let asked = Asked()
    let client = client(true, asked)
    for _ in 1...3 { #expect(text(try await client.send(HTTPRequest(url: server.url))) == "fine") }
    #expect(asked.addresses.withLock { $0 }.map(\.description) == ["127.0.0.1"])
    #expect(server.connectionCount == 1)
  }

  @Test func `A refused connection is no refused address`() async throws {
    let asked = Asked()
    let error = await failure {
      try await client(true, asked).send(HTTPRequest(url: "http://127.0.0.1:\(TestServer.refusingPort())/"))
    }
    guard case .cannotConnect = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
