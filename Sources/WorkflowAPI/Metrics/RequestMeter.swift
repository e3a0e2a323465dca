import LinuxSupport
import Metrics
import Synchronization

/// Counts requests by route and status. What clients send is no label: a path is counted as the pattern of its route.
final class RequestMeter: Sendable {
  private struct State {
    /// By status.
    var counts: [Int: Meter.Series] = [:]
    var times: Meter.Series?
    var waits: Meter.Series?
  }

  /// One route, or all requests without one.
  private final class Place: Sendable {
    let method: String
    let route: String
    let state = Mutex(State())

    init(_ method: String, _ route: String) { (self.method, self.route) = (method, route) }
  }

  private let meter: Meter
  private let places: [Place]
  private let nowhere = Place(Meter.other, Meter.other)

  init(_ meter: Meter, _ routes: [any Route]) {
    self.meter = meter
    places = routes.map { Place($0.method, $0.template) }
  }

  /// Counts a request.
  /// - Parameters:
  ///   - route: the number of its route; nil where there is none.
  ///   - waits: whether the client wants the answer to wait for something: such times are a separate series.
  func note(route: Int?, status: Int, waits: Bool, took time: Duration) {
    let place = route.map { places[$0] } ?? nowhere
    let (count, times) = place.state.withLock { state in
      let count = state.counts[status] ?? meter.series(.requests, [place.method, "\(status)", place.route])
      state.counts[status] = count
      let known = waits ? state.waits : state.times
      let name = waits ? place.route + "?wait" : place.route
      let times = known ?? meter.series(.requestSeconds, [place.method, name])
      if waits { state.waits = times } else { state.times = times }
      return (count, times)
    }
    meter.observe(times, time, counting: count)
  }
}
