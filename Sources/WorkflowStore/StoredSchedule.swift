/// A schedule as Redis holds it.
public struct StoredSchedule: Sendable, Equatable {
  /// Its name.
  public let name: String
  /// Another one after it was removed and made again.
  public let generation: String
  /// What it says of times and policies, as JSON text.
  public let specification: [UInt8]
  /// When it is due next, in seconds since 1970; nil for never.
  public let next: Int?
  /// The ticks that it has fired last, in the order in which it has.
  public let fired: [Int]
  /// The run of the last one.
  public let job: JobID?
  /// The name of the runs that it starts.
  public let runName: String
  /// When it was created, in seconds since 1970, as text.
  public let createdAt: [UInt8]
  /// How many runs it has started.
  public let runs: Int
  /// How many ticks it has left out.
  public let skipped: Int
  /// The run as it was submitted, as JSON text, where one schedule was asked for.
  public let body: [UInt8]?
}

/// What one look at schedules finds.
public struct ScheduleLook: Sendable {
  /// Redis's clock, in microseconds since 1970.
  public let clock: Int
  /// When the first of those that are not due is, in seconds since 1970; nil when there is none.
  public let following: Int?
  /// The schedules.
  public let schedules: [StoredSchedule]
  /// How many entries were read: more than there are schedules where something else is under a schedule's key.
  public let entries: Int
  /// Whether there may be more than were read.
  public let isFull: Bool

  /// Redis's clock, in whole seconds since 1970.
  public var now: Int { clock / 1_000_000 }
}

/// A schedule to be created, or to replace the one of its name.
public struct ScheduleSubmission: Sendable {
  /// Its name.
  public let name: String
  /// What it says of times and policies, as JSON text.
  public let specification: [UInt8]
  /// The same for all schedules that are due at the same times.
  public let rule: String
  /// When it is due next, in seconds since 1970, unless there is one with the same rule; nil for never.
  public let next: Int?
  /// The run that it starts.
  public let run: Submission
  /// The run as it was submitted, as JSON text.
  public let body: [UInt8]

  /// A schedule to be created, or to replace the one of its name.
  public init(name: String, specification: [UInt8], rule: String, next: Int?, run: Submission, body: [UInt8]) {
    self.name = name
    self.specification = specification
    self.rule = rule
    self.next = next
    self.run = run
    self.body = body
  }
}

/// What became of a schedule.
public enum ScheduleAnswer: String, Sendable, Equatable {
  /// There is a new one.
  case created
  /// There was one of its name, which is now this one.
  case replaced
  /// There are too many.
  case full
}

/// A step of a schedule from one of its times to the next.
public struct Tick: Sendable, Equatable {
  /// When the schedule is due, as it was read.
  public let expected: Int?
  /// The tick to fire; nil for none.
  public let fire: Int?
  /// When the schedule is due next; nil for never.
  public let next: Int?
  /// How many ticks before this one are left out.
  public let left: Int

  /// A step from one time to the next.
  public init(expected: Int?, fire: Int?, next: Int?, left: Int = 0) {
    self.expected = expected
    self.fire = fire
    self.next = next
    self.left = left
  }
}

/// What became of a tick.
public enum TickOutcome: Sendable, Equatable {
  /// This run was started.
  case fired(JobID)
  /// There was nothing to fire, or it was fired before; the schedule continues.
  case moved
  /// The run of the last tick has not ended; the schedule continues.
  case skipped
  /// Another worker was faster, or the schedule was replaced or removed.
  case changed
  /// Redis's clock is not there yet.
  case early
  /// The tick waits for the run of the last one.
  case waiting
  /// The run cannot be queued.
  case held(String)
}
