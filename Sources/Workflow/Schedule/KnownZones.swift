public import Scheduling

/// Time zones that have been read: many schedules are of the same few.
public struct KnownZones: Sendable {
  private let folder: TimeZoneFolder
  private var known: [String: TimeZoneData] = [:]

  /// Zones of which none has been read.
  public init(_ folder: TimeZoneFolder) { self.folder = folder }

  /// Reads a zone, unless it has been read.
  public mutating func zone(named name: String) throws(TimeZoneError) -> TimeZoneData {
    if let zone = known[name] { return zone }
    let zone = try folder.zone(named: name)
    known[name] = zone
    return zone
  }

  /// Forgets what has been read: the files may have changed.
  public mutating func forget() { known = [:] }
}
