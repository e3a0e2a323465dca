import FastCGI
import Testing

@Suite
struct LoopbackTests {
  @Test(arguments: ["127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::FFFF:7f00:1"])
  func `A loopback address is one in every spelling`(address: String) { #expect(LoopbackAddress.matches(address)) }

  @Test(arguments: [
    "", "127", "127.0.0.1.example.org", "127.evil", "10.0.0.1", "0.0.0.0", "::", "::2", "::ffff:10.0.0.1",
    "localhost",
  ])
  func `A loopback address is no other address and no name`(address: String) {
    #expect(!LoopbackAddress.matches(address))
  }

  @Test(arguments: [
    ("/tmp/x.sock", true), ("127.0.0.1:9000", true), ("[::1]:9000", true), (":9000", true), ("localhost:9000", true),
    ("0.0.0.0:9000", false), ("[::]:9000", false), ("192.0.2.1:9000", false), ("[2001:db8::1]:9000", false),
  ])
  func `A local listener has only loopback addresses or a unix socket`(text: String, isLocal: Bool) throws {
    #expect(try FastCGIListener.parse(text).isLocal == isLocal)
  }
}
