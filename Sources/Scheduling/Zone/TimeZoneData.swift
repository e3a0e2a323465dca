import LinuxSupport

/// What is known of a time zone: when its clocks were changed, and by which rule they will be.
///
/// Instants are seconds since 1970 in UTC, without leap seconds. One outside the years 1 to 9999 counts as the nearest
/// one inside.
public struct TimeZoneData: Sendable, Equatable {
  /// The name under which the data were found, such as `Europe/Berlin`.
  public let name: String
  /// Identifies the data: the FNV-1a hash, 64 bits, of the file. The same data have the same digest on every host, so
  /// times that were worked out with another digest are to be worked out again. 0 for ``utc``.
  public let digest: UInt64

  /// The instants at which a period begins, strictly ascending, and the offset from UTC in each, in seconds.
  let transitions: [Int]
  let offsets: [Int32]
  /// The offset before the first transition.
  let firstOffset: Int
  /// The rule from the last transition on; without one the last offset stays.
  let rule: ZoneRule?

  /// Coordinated universal time.
  public static let utc = TimeZoneData(
    name: "UTC", digest: 0, transitions: [], offsets: [], firstOffset: 0, rule: nil)

  /// The instants that are not clamped: the years 1 to 9999.
  static let supported = -62_135_596_800...253_402_300_799
  /// No offset from UTC reaches these, in seconds (RFC 9636, section 3.2).
  static let (lowestOffset, highestOffset) = (-90_000, 93_600)

  /// The offset from UTC in seconds, positive east of Greenwich.
  public func offset(at instant: Int) -> Int { period(at: TimeZoneData.clamped(instant)).offset }

  /// What the clocks of the zone show.
  public func local(at instant: Int) -> LocalTime {
    let instant = TimeZoneData.clamped(instant)
    return LocalTime(seconds: instant + offset(at: instant))
  }

  /// The instants at which the clocks show a local time, ascending: mostly one; none where clocks were set forward over
  /// it; two where they were set back over it.
  public func instants(of local: LocalTime) -> [Int] {
    let seconds = TimeZoneData.clamped(local.seconds)
    var found: [Int] = []
    var period = self.period(at: seconds - TimeZoneData.highestOffset)
    while true {
      let instant = seconds - period.offset
      if period.start <= instant, instant < period.end { found.append(instant) }
      if period.end > seconds - TimeZoneData.lowestOffset { return found }
      period = self.period(at: period.end)
    }
  }

  /// The first instant at which the clocks show a local time, or, where they were set forward over it, the first
  /// instant after that.
  public func firstInstant(atOrAfter local: LocalTime) -> Int {
    let seconds = TimeZoneData.clamped(local.seconds)
    var period = self.period(at: seconds - TimeZoneData.highestOffset)
    while period.end + period.offset <= seconds { period = self.period(at: period.end) }
    return max(period.start, seconds - period.offset)
  }

  /// The latest local time that the clocks have shown up to an instant, which is not the one that they show then while
  /// they repeat an hour.
  func latestLocal(upTo instant: Int) -> LocalTime {
    let instant = TimeZoneData.clamped(instant)
    // Further back, no offset brings a local time up to this one's.
    let reach = TimeZoneData.highestOffset - TimeZoneData.lowestOffset
    var period = self.period(at: instant - reach)
    var latest = Int.min
    while true {
      latest = max(latest, min(instant, period.end - 1) + period.offset)
      if period.end > instant { return LocalTime(seconds: latest) }
      period = self.period(at: period.end)
    }
  }

  /// In ISO 8601 with the offset, such as `2027-03-28T03:00:00+02:00`. An offset that is no whole number of minutes, as
  /// in the nineteenth century, has its seconds too.
  public func text(of instant: Int) -> String {
    let instant = TimeZoneData.clamped(instant)
    let offset = self.offset(at: instant)
    var text: [UInt8] = []
    LocalTime(seconds: instant + offset).write(to: &text)
    text.append(UInt8(ascii: offset < 0 ? "-" : "+"))
    let size = Int(offset.magnitude)
    text.append(decimal: size / 3_600, digits: 2)
    for part in size.isMultiple(of: 60) ? [size / 60 % 60] : [size / 60 % 60, size % 60] {
      text.append(UInt8(ascii: ":"))
      text.append(decimal: part, digits: 2)
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func clamped(_ instant: Int) -> Int { min(max(instant, supported.lowerBound), supported.upperBound) }
}

/// A time in which the offset of a zone does not change.
struct ZonePeriod: Equatable {
  /// The first instant, or `distantPast`.
  let start: Int
  /// The first instant after it, or `distantFuture`.
  let end: Int
  /// Seconds that local time is ahead of UTC.
  let offset: Int

  /// Before and after all instants of a TZif file; an offset can be added to both.
  static let (distantPast, distantFuture) = (-1 << 60, 1 << 60)
}

extension TimeZoneData {
  /// The period in which an instant lies.
  func period(at instant: Int) -> ZonePeriod {
    var (low, high) = (0, transitions.count)
    while low < high {
      let middle = (low + high) / 2
      if transitions[middle] <= instant { low = middle + 1 } else { high = middle }
    }
    let start = low == 0 ? ZonePeriod.distantPast : transitions[low - 1]
    if low == transitions.count, let period = rule?.period(at: instant) {
      return ZonePeriod(start: max(start, period.start), end: period.end, offset: period.offset)
    }
    let end = low == transitions.count ? ZonePeriod.distantFuture : transitions[low]
    return ZonePeriod(start: start, end: end, offset: low == 0 ? firstOffset : Int(offsets[low - 1]))
  }
}
