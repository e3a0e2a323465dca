import EventLoop
import Logging

/// Reads requests, has them answered, and sends the answers.
final class Responder: Sendable {
  private let handler: @Sendable (FastCGIRequest) async -> FastCGIResponse
  private let configuration: FastCGIServerConfiguration
  private let table: ConnectionTable
  private let epoll: Epoll
  private let acceptor: Acceptor
  private let writers: [Writer]
  private let logger: Logger

  /// Bytes of a body that a handler looks at in well under a millisecond.
  private static let shortBody = 32 * 1_024

  /// A responder that answers with the handler.
  init(
    handler: @escaping @Sendable (FastCGIRequest) async -> FastCGIResponse, configuration: FastCGIServerConfiguration,
    table: ConnectionTable, epoll: Epoll, acceptor: Acceptor, writers: [Writer], logger: Logger
  ) {
    self.handler = handler
    self.configuration = configuration
    self.table = table
    self.epoll = epoll
    self.acceptor = acceptor
    self.writers = writers
    self.logger = logger
  }

  /// Reads the request of a connection that has become readable, blocking, and starts the task that answers it.
  func serve(_ descriptor: Int32) {
    let deadline = ContinuousClock.now + configuration.readTimeout
    guard let connection = table.beginRequest(on: descriptor, deadline: deadline) else { return }
    let request: FastCGIRequest
    do throws(RequestFailure) {
      request = try connection.readRequest(bodyLimit: configuration.maxBodyBytes)
    } catch {
      error.log(to: logger)
      return close(connection)
    }
    table.setDeadline(nil, for: connection)
    Task(executorPreference: executor(for: request)) { await self.answer(request, on: connection) }
  }

  /// A large body takes long to look at, which is not for a thread that has others to serve.
  private func executor(for request: FastCGIRequest) -> EventLoopExecutor? {
    if case .complete(let body) = request.body, body.count > Responder.shortBody { return nil }
    return .shared
  }

  private func answer(_ request: FastCGIRequest, on connection: Connection) async {
    let response = await handler(request)
    // Answers that are ready at the same time go out together: the web server wakes up once for them.
    await Task.yield()
    let isDelivered = await send(response, to: request, on: connection)
    if !isDelivered {
      logger.debug("client gone before the end of its answer", metadata: ["path": "\(request.path)"])
    }
    if isDelivered, configuration.keepConnections, connection.isKeptByPeer {
      rest(connection)
    } else {
      close(connection)
    }
  }

  private func send(_ response: FastCGIResponse, to request: FastCGIRequest, on connection: Connection) async -> Bool {
    let isHead = request.method == "HEAD"
    switch response.body {
    case .bytes(let body):
      let head = ResponseHead.render(response, contentLength: body.count)
      return await send(head, isHead ? [] : body, on: connection)
    case .stream(let produce):
      let head = ResponseHead.render(response, contentLength: nil)
      return isHead ? await send(head, [], on: connection) : await stream(head, produce, on: connection)
    }
  }

  /// Small answers go out from here, in one write that cannot block; the others through a writer thread.
  private func send(_ head: [UInt8], _ body: [UInt8], on connection: Connection) async -> Bool {
    if head.count + body.count <= Connection.sliceLength, connection.isWritable {
      return connection.write(head) && connection.write(body) && connection.endAnswer()
    }
    let delivery = delivery(on: connection, isStream: false)
    delivery.send(head)
    delivery.send(body)
    return await delivery.finish()
  }

  private func stream(
    _ head: [UInt8], _ produce: @escaping @Sendable (FastCGIBodyStream) async -> Void, on connection: Connection
  ) async -> Bool {
    let delivery = delivery(on: connection, isStream: true)
    delivery.send(head)
    let producer = Task { await produce(FastCGIBodyStream(delivery)) }
    delivery.onEnding { producer.cancel() }
    table.beginStream(delivery)
    await producer.value
    return await delivery.finish()
  }

  private func delivery(on connection: Connection, isStream: Bool) -> Delivery {
    let writer = writers[Int(connection.descriptor) % writers.count]
    return Delivery(
      on: connection, by: writer, isStream: isStream, maxQueuedBytes: configuration.maxQueuedStreamBytes)
  }

  private func rest(_ connection: Connection) {
    connection.release()
    guard table.endRequest(on: connection, deadline: .now + configuration.keepAliveTimeout) else {
      return close(connection)
    }
    epoll.rearm(connection.descriptor, [.readable, .once])
  }

  private func close(_ connection: Connection) {
    table.close(connection)
    acceptor.resumeIfPaused()
  }
}
