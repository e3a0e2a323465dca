/// Why a time zone cannot be had.
public enum TimeZoneError: Error, Sendable, Equatable {
  /// This text cannot be the name of a zone.
  case invalidName(String)
  /// No zone has this name.
  case unknown(String)
  /// This folder, in which the zones should be, does not exist.
  case noFolder(String)
  /// The file of this zone cannot be read.
  case unreadable(name: String, reason: String)
  /// The file of this zone is not what RFC 9636 says.
  case malformed(name: String, reason: String)
  /// The zone counts leap seconds, which the seconds since 1970 leave out.
  case leapSeconds(name: String)
}

extension TimeZoneError: CustomStringConvertible {
  /// A sentence for the author of a schedule, or for the operator of the host.
  public var description: String {
    switch self {
    case .invalidName(let name):
      "\(Quoted(name)) is no name of a time zone: names are those of the IANA, such as Europe/Berlin or UTC."
    case .unknown(let name):
      "There is no time zone \(Quoted(name)): names are those of the IANA, such as Europe/Berlin; case matters."
    case .noFolder(let path): "There are no time zones on this host: \(path) does not exist. Install tzdata."
    case .unreadable(let name, let reason): "The data of the time zone \(name) cannot be read: \(reason)."
    case .malformed(let name, let reason): "The data of the time zone \(name) are damaged: \(reason)."
    case .leapSeconds(let name): "The time zone \(name) counts leap seconds, which are not supported."
    }
  }
}
