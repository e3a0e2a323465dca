import Logging
import ServiceLifecycle
import UnixSignals

/// A service that SIGTERM, SIGINT and SIGHUP stop in good order, and a second one of them at once. SIGHUP is the end of
/// the terminal for a service that was started by hand; systemd starts the service again, with the settings as they are
/// then.
///
/// `ServiceGroup` takes a signal either for its graceful shutdown or for its cancellation, not first for the one and
/// then for the other; so the signals are counted here.
struct StoppableService {
  private let group: ServiceGroup
  private let notifier: SystemdNotifier
  private let limit: Duration?
  private let logger: Logger

  /// - Parameter limit: how long a stop may take, if systemd should be notified.
  init(_ service: any Service, notifier: SystemdNotifier, stopsWithin limit: Duration? = nil, logger: Logger) {
    self.notifier = notifier
    self.limit = limit
    var configuration = ServiceGroupConfiguration(
      services: [.init(service: NamedService(service), successTerminationBehavior: .gracefullyShutdownGroup)],
      logger: logger)
    configuration.logger.logLevel = .warning
    group = ServiceGroup(configuration: configuration)
    self.logger = logger
  }

  /// Runs the service until it has stopped.
  func run() async throws {
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
    let service = Task { try await group.run() }
    let stop = Task {
      var requests = StopRequests()
      for await signal in signals where requests.take() {
        notifier.stopping(within: limit)
        logger.notice("\(signal): stopping \(requests.count == 1 ? "after the work under way" : "at once")")
        if requests.count == 1 { await group.triggerGracefulShutdown() } else { service.cancel() }
      }
    }
    defer { stop.cancel() }
    do {
      try await service.value
    } catch is CancellationError {
      // The second signal: the work under way has been handed back.
    }
  }
}

/// A service that its type describes.
///
/// `ServiceGroup` keeps `"\(service)"` as the service's name. Without a description, that is everything in the service,
/// passwords included, and takes some milliseconds at each start.
private struct NamedService: Service, CustomStringConvertible {
  private let service: any Service

  init(_ service: any Service) { self.service = service }

  var description: String { "\(type(of: service))" }

  func run() async throws { try await service.run() }
}
