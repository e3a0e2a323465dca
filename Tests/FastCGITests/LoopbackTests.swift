import FastCGI
import Testing

@Suite("A loopback address")
struct LoopbackTests {
  @Test(
    "is one in every spelling",
    arguments: ["127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::FFFF:7f00:1"])
  func local(address: String) { #expect(LoopbackAddress.matches(address)) }

  @Test(
    "is no other address and no name",
    arguments: [
      "", "127", "127.0.0.1.example.org", "127.evil", "10.0.0.1", "0.0.0.0", "::", "::2", "::ffff:10.0.0.1",
      "localhost",
    ])
  func foreign(address: String) { #expect(!LoopbackAddress.matches(address)) }

  @Test(
    "or a unix socket is all that a local listener has",
    arguments: [
      ("/tmp/x.sock", true), ("127.0.0.1:9000", true), ("[::1]:9000", true), (":9000", true), ("localhost:9000", true),
      ("0.0.0.0:9000", false), ("[::]:9000", false), ("192.0.2.1:9000", false), ("[2001:db8::1]:9000", false),
    ])
  func listeners(text: String, isLocal: Bool) throws {
    #expect(try FastCGIListener.parse(text).isLocal == isLocal)
  }
}
