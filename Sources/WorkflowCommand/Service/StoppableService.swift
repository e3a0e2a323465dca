import Logging
import ServiceLifecycle
import UnixSignals

/// A service that SIGTERM and SIGINT stop in good order, and a second one of them at once.
///
/// `ServiceGroup` takes a signal either for its graceful shutdown or for its cancellation, not first for the one and
/// then for the other; so the signals are counted here.
struct StoppableService {
  private let group: ServiceGroup
  private let manager: ServiceManager
  private let logger: Logger

  init(_ service: any Service, manager: ServiceManager, logger: Logger) {
    self.manager = manager
    var configuration = ServiceGroupConfiguration(
      services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)], logger: logger)
    configuration.logger.logLevel = .warning
    group = ServiceGroup(configuration: configuration)
    self.logger = logger
  }

  /// Runs the service until it has stopped.
  func run() async throws {
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    let service = Task { try await group.run() }
    let stop = Task {
      var count = 0
      for await signal in signals {
        count += 1
        manager.stopping()
        logger.notice("\(signal): stopping \(count == 1 ? "after what is in hand" : "at once")")
        if count == 1 { await group.triggerGracefulShutdown() } else { service.cancel() }
      }
    }
    defer { stop.cancel() }
    do {
      try await service.value
    } catch is CancellationError {
      // The second signal: what was in hand has been handed back.
    }
  }
}
