import Curl
import Testing

@Suite struct IPAddressTests {
  @Test(arguments: [
    "8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "169.253.0.1",
    "223.255.255.255", "2606:4700::1111", "2001:4860:4860::8888", "2a00::1", "64:ff9b::808:808", "::ffff:8.8.8.8",
  ])
  func `A public address`(text: String) throws { #expect(try #require(IPAddress(text)).isPublic) }

  @Test(arguments: [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255",
    "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::2", "::7f00:1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "100::1", "2001::1", "2001:db8::1",
    "2002:808:808::1",
    "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
  ])
  func `An address of another kind`(text: String) throws { #expect(try !#require(IPAddress(text)).isPublic) }

  @Test(arguments: [
    "", "1.2.3", "1.2.3.4.", "01.2.3.4", "0x7f.0.0.1", "2130706433", "[::1]", "fe80::1%eth0", "1.2.3.256",
  ])
  func `Any other notation is no address`(text: String) { #expect(IPAddress(text) == nil) }

  @Test func `A mapped address is the IPv4 address`() {
    #expect(IPAddress("::ffff:10.0.0.1") == IPAddress("10.0.0.1"))
    #expect(IPAddress("::ffff:a00:1")?.description == "10.0.0.1")
    #expect(IPAddress("2001:DB8:0::1")?.description == "2001:db8::1")
  }

  @Test(arguments: [
    ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"), ("10.1.2.3", "10.1.2.3", "10.1.2.2"), ("0.0.0.0/0", "8.8.8.8", "::1"),
    ("172.16.0.0/12", "172.31.255.255", "172.32.0.0"), ("192.0.2.128/25", "192.0.2.128", "192.0.2.127"),
    ("fd00::/8", "fdff::1", "fc00::1"), ("::/0", "fe80::1", "10.0.0.1"), ("::1", "::1", "::2"),
  ])
  func `A block contains what begins as it does`(text: String, inside: String, outside: String) throws {
    let block = try #require(IPAddressBlock(text))
    #expect(block.contains(try #require(IPAddress(inside))))
    #expect(!block.contains(try #require(IPAddress(outside))))
    #expect(block.description == text)
  }

  @Test(arguments: [
    "", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "::1/64", "::/129", "a",
  ])
  func `Anything else is no block`(text: String) { #expect(IPAddressBlock(text) == nil) }
}
