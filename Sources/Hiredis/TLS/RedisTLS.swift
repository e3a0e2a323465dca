/// How TLS to a Redis server is used: TLS 1.2 or newer. The server's certificate is verified, and that it is for the
/// host of the address.
///
/// The files are read for every new connection, so changed ones need no restart.
public struct RedisTLS: Sendable, Equatable {
  /// A PEM file with the certificates of the authorities that are trusted; nil for those of the system.
  public var authorities: String?

  /// A PEM file with the certificate that is shown to the server, and those between it and an authority; nil for none.
  public var certificate: String?

  /// A PEM file with the key of `certificate`, without a passphrase.
  public var key: String?

  /// TLS that trusts the authorities of the system and shows no certificate.
  public init() {}
}
