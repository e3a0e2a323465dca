extension IPAddress {
  /// Whether it is an address of the public internet: global unicast, and none that IANA's registries of
  /// special-purpose addresses (RFC 6890) list for private networks, this host, this link, documentation, tests or
  /// translation.
  public var isPublic: Bool {
    if isIPv4 { return !IPAddress.specialIPv4.contains { $0.contains(self) } }
    // A translator (NAT64, RFC 6052) connects to the IPv4 address at the end.
    if IPAddress.translated.contains(self) { return IPAddress(bytes: Array(bytes.suffix(4))).isPublic }
    return IPAddress.globalUnicast.contains(self) && !IPAddress.specialIPv6.contains { $0.contains(self) }
  }

  private static let specialIPv4 = blocks([
    "0.0.0.0/8",  // this network
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  // private networks
    "100.64.0.0/10",  // shared by a provider's customers
    "127.0.0.0/8",  // this host
    "169.254.0.0/16",  // this link; the metadata of most clouds
    "168.63.129.16",  // Azure's platform, under a public address
    "192.0.0.0/24", "192.88.99.0/24",  // protocols, relays to 6to4
    "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",  // documentation
    "198.18.0.0/15",  // benchmarks
    "224.0.0.0/4", "240.0.0.0/4",  // multicast, reserved, broadcast
  ])

  private static let translated = block("64:ff9b::/96")

  /// Outside of it are the unspecified address, loopback, unique-local and link-local addresses, multicast, and blocks
  /// that are reserved.
  private static let globalUnicast = block("2000::/3")

  private static let specialIPv6 = blocks([
    "2001::/23",  // protocols, with Teredo
    "2001:db8::/32", "3fff::/20",  // documentation
    "2002::/16",  // 6to4, which has an IPv4 address in it
  ])

  private static func blocks(_ texts: [String]) -> [IPAddressBlock] { texts.map(block) }

  private static func block(_ text: String) -> IPAddressBlock {
    guard let block = IPAddressBlock(text) else { preconditionFailure("\(text) is no block of addresses") }
    return block
  }
}
