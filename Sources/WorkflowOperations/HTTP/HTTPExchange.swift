import Curl
import Tracing
import Workflow

/// The requests of one step: the first one, and those that follow redirects.
struct HTTPExchange {
  let client: HTTPClient
  let room: ResponseRoom
  /// Room for the last response, to be kept as long as that is.
  private var lease: ResponseRoom.Lease?
  let access: HTTPAccess
  let expected: ExpectedStatuses
  /// What all requests may take together.
  let timeout: Duration
  /// The bytes that a body may have, and the setting or parameter that says so.
  let limit: (bytes: Int, name: String)

  /// The trace of the step; each request has a span in it.
  var trace: ActiveTrace?
  private var sent = 0

  private(set) var method: String
  private(set) var url: HTTPURL
  private(set) var headers: HTTPStepHeaders
  private(set) var body: [UInt8]?

  /// Redirects that are followed at most.
  static let mostRedirects = 5
  /// Bytes of a body that take no room.
  static let shortBody = 64 << 10
  /// What name lookup, TCP and TLS may take together.
  static let longestConnect = Duration.seconds(10)

  init(
    _ client: HTTPClient, _ room: ResponseRoom, _ access: HTTPAccess, expected: ExpectedStatuses, timeout: Duration,
    limit: (bytes: Int, name: String), method: String, url: HTTPURL, headers: HTTPStepHeaders, body: [UInt8]?
  ) {
    self.client = client
    self.room = room
    self.access = access
    self.expected = expected
    self.timeout = timeout
    self.limit = limit
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
  }

  /// Sends the request, follows redirects, and returns the response that the step expects.
  /// - Throws: the failure; nil when the task was cancelled.
  mutating func response() async throws(HTTPExchangeError) -> HTTPResponse {
    let deadline = ContinuousClock.now + timeout
    var redirects = 0
    while true {
      let response = try await send(until: deadline)
      if expected.contains(response.status) { return response }
      guard HTTPExchange.isRedirect(response.status), let location = response.header("location") else {
        throw .failed(HTTPRequestFailure(response, from: url))
      }
      redirects += 1
      guard redirects <= HTTPExchange.mostRedirects else {
        throw .failed(
          HTTPRequestFailure(.providerRejected, "there were more than \(HTTPExchange.mostRedirects) redirects"))
      }
      do { try follow(location, status: response.status) } catch { throw .failed(error) }
    }
  }

  private mutating func send(until deadline: ContinuousClock.Instant) async throws(HTTPExchangeError) -> HTTPResponse {
    let left = deadline - .now
    let span = HTTPSpan(trace, method, url, number: sent)
    sent += 1
    do throws(HTTPError) {
      guard left > .zero else { throw .timedOut(.connecting) }
      let response = try await client.stream(
        HTTPRequest(
          method: method, url: url.text, headers: headers.fields(in: span?.trace), body: body,
          connectTimeout: min(HTTPExchange.longestConnect, left), timeout: left, maxResponseBytes: limit.bytes),
        buffering: HTTPExchange.shortBody)
      let whole = HTTPResponse(status: response.status, headers: response.headers, body: try await read(response))
      span?.end(status: whole.status)
      return whole
    } catch {
      span?.end(error)
      if case .cancelled = error { throw .cancelled }
      throw .failed(HTTPRequestFailure(error, from: url, timeout: timeout, limit: limit.name))
    }
  }

  /// Reads a body, and takes room for it as soon as it is not short.
  private mutating func read(_ response: HTTPStreamingResponse) async throws(HTTPError) -> [UInt8] {
    lease = nil
    // The length is that of the body only where nothing is decompressed.
    let isPlain = response.header("content-encoding") == nil
    let length = isPlain ? response.header("content-length").flatMap { UInt32($0) } : nil
    var bytes: [UInt8] = []
    var pieces = response.body.makeAsyncIterator()
    while let piece = try await pieces.next() {
      if lease == nil, bytes.count + piece.count > HTTPExchange.shortBody {
        lease = await room.lease(min(limit.bytes, length.map { Int($0) } ?? .max))
        guard lease != nil else { throw .cancelled }
      }
      if bytes.isEmpty { bytes = piece } else { bytes += piece }
    }
    return bytes
  }

  private static func isRedirect(_ status: Int) -> Bool { [301, 302, 303, 307, 308].contains(status) }

  /// Makes the request the one that a redirect asks for, as browsers do (the Fetch standard, HTTP-redirect fetch).
  mutating func follow(_ location: String, status: Int) throws(HTTPRequestFailure) {
    let next: HTTPURL
    do {
      next = try url.resolving(location)
      try access.check(next)
    } catch {
      throw HTTPRequestFailure(.operationFailed, "a redirect of \(url.origin) cannot be followed: \(error)")
    }
    guard next.isSecure || !url.isSecure else {
      throw HTTPRequestFailure(
        .operationFailed, "a redirect of \(url.origin) cannot be followed: it leads from https to http")
    }
    let becomesGet = status == 303 ? method != "HEAD" : [301, 302].contains(status) && method == "POST"
    if becomesGet {
      method = "GET"
      body = nil
      headers.removeContent()
    }
    if next.origin != url.origin { headers.removeCredentials() }
    url = next
  }
}

/// Why an exchange has no response.
enum HTTPExchangeError: Error {
  case failed(HTTPRequestFailure)
  case cancelled
}
