public import Hiredis
public import Metrics
import Synchronization

/// Counts what the connections of a process to Redis do.
public final class RedisCommandMeter: RedisMeter {
  private let meter: Meter
  private let process: String
  private let failures: Meter.Series
  private let reconnects: Meter.Series
  private let others: Meter.Series
  /// The series of each script that was called, by its number.
  private let scripts = Mutex<[Meter.Series?]>([])

  /// - Parameter process: what kind of process it is, `api` or `worker`.
  public init(_ meter: Meter, process: String) {
    self.meter = meter
    self.process = process
    failures = meter.series(.redisFailures, [process])
    reconnects = meter.series(.redisReconnects, [process])
    others = meter.series(.redisSeconds, [process, Meter.other])
  }

  /// Counts a script or commands.
  public func note(_ script: RedisScript?, isAnswered: Bool, took time: Duration) {
    guard isAnswered else { return meter.add(failures) }
    meter.observe(script.map(series) ?? others, time)
  }

  /// Counts a reconnect.
  public func noteReconnect() { meter.add(reconnects) }

  private func series(of script: RedisScript) -> Meter.Series {
    scripts.withLock { scripts in
      if script.number < scripts.count, let known = scripts[script.number] { return known }
      if script.number >= scripts.count {
        scripts += [Meter.Series?](repeating: nil, count: script.number + 1 - scripts.count)
      }
      let series = meter.series(.redisSeconds, [process, script.name])
      scripts[script.number] = series
      return series
    }
  }
}
