import Curl
import Testing
import Workflow

@testable import WorkflowOperations

/// Where callbacks may go, whatever notation an address has.
struct CallbackAccessTests {
  @Test(arguments: [
    "https://hooks.example.com/wf", "http://hooks.example.com:8080/", "https://8.8.8.8/",
    "https://[2606:4700::1]/x?y=z",
    "HTTPS://EXAMPLE.COM",
  ])
  func `Every public host may be called`(_ url: String) { #expect(CallbackAccess().fault(of: url) == nil) }

  @Test(arguments: [
    "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/",
    "http://10.1.2.3/", "http://192.168.1.1:8080/", "http://172.16.0.1/", "http://100.64.0.1/", "http://0.0.0.0/",
    "http://169.254.169.254/latest/meta-data/", "http://168.63.129.16/", "http://224.0.0.1/", "http://255.255.255.255/",
    "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:a9fe:a9fe]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/", "http://[ff02::1]/", "http://[64:ff9b::a00:1]/", "http://[2002:7f00:1::]/",
    "http://127.0.0.1./",
    "http://%31%32%37.0.0.1/", "http://localhost/", "http://LOCALHOST./", "http://a.localhost/",
  ])
  func `An address that is not public is refused`(_ url: String) {
    let fault = CallbackAccess().fault(of: url)
    #expect(fault?.hasSuffix("is not public (WF_CALLBACK_ALLOW_PRIVATE)") == true, "\(url): \(fault ?? "allowed")")
  }

  @Test(arguments: [
    ("ftp://example.com/", "its scheme must be http or https"),
    ("https://user:secret@example.com/", "it has a user or a password; they belong in an Authorization header"),
    ("https://", nil), ("https://[fe80::1%25eth0]/", nil), ("https://example.com:99999/", nil),
    ("https://exa mple.com/", nil),
  ])
  func `What is no URL of a host is refused, without its secrets`(_ url: String, _ sentence: String?) {
    let fault = CallbackAccess().fault(of: url)
    if let sentence { #expect(fault == sentence) }
    #expect(fault != nil && fault?.contains("secret") == false)
  }

  @Test func `The operator may allow addresses, and may limit the hosts`() throws {
    let block = try #require(IPAddressBlock("127.0.0.0/8"))
    let host = try #require(HTTPHostPattern("*.example.com"))
    let local = CallbackAccess(privateBlocks: [block])
    #expect(local.fault(of: "http://127.0.0.1:9/") == nil && local.fault(of: "http://localhost:9/") == nil)
    #expect(local.fault(of: "http://10.0.0.1/") != nil)
    let limited = CallbackAccess(hosts: [host])
    #expect(limited.fault(of: "https://a.example.com/") == nil)
    #expect(
      limited.fault(of: "https://example.org/x?k=secret")
        == "callbacks to https://example.org are not allowed (WF_CALLBACK_ALLOW)")
    #expect(limited.fault(of: "https://a.example.com:8443/") != nil)
  }

  @Test func `Without a secret nothing may be called`() {
    #expect(CallbackAccess.check(nil)("https://example.com/") == Callbacks.areOff)
    #expect(CallbackAccess.check(CallbackAccess())("https://example.com/") == nil)
  }
}
