import CCurl
import LinuxSupport

/// One transfer: an easy handle and the state of its callbacks.
///
/// It belongs to the task that creates it until it is posted to the client's thread, and to that thread afterwards; the
/// mailbox's lock synchronises the two. Only the buffer is shared.
final class Transfer: @unchecked Sendable {
  /// The longest headers, in bytes, beyond which the transfer fails; libcurl 7.88 itself does not limit their sum.
  static let maxHeaderBytes = 256 << 10

  /// The response.
  let buffer: ResponseBuffer
  /// The `CURL *`. Freed with the transfer, so it must have been removed from the multi handle by then.
  let easy: UnsafeMutableRawPointer
  private let gathersBody: Bool
  private let maxResponseBytes: Int
  private let requestBodyBytes: Int
  private let idleTimeout: Duration?
  /// When the last byte of the body came; nil before the first, and while the transfer is paused.
  private var lastByte: MonotonicInstant?
  private let allowsAddress: (@Sendable (IPAddress) -> Bool)?
  private let errorText: UnsafeMutablePointer<CChar>
  private var fields: UnsafeMutablePointer<curl_slist>?

  private var hasHead = false
  private var headerBytes = 0
  private var bodyBytes = 0
  /// The rest of a body that is sent once, which libcurl has not read.
  var unsent: ArraySlice<UInt8> = []
  /// The last address that was refused. A name may have others.
  private var refusedAddress: IPAddress?
  /// Why a callback stopped the transfer; libcurl does not know the reason.
  private var refusal: HTTPError?

  /// Validates the request and prepares the easy handle; nothing is sent. The body is copied.
  /// - Throws: `invalidRequest`.
  init(_ request: HTTPRequest, _ configuration: HTTPClientConfiguration, buffer: ResponseBuffer) throws(HTTPError) {
    try request.validate()
    guard let easy = ccurl_easy_init() else { preconditionFailure("out of memory") }
    self.easy = easy
    self.buffer = buffer
    gathersBody = request.gathersBody
    maxResponseBytes = request.maxResponseBytes
    requestBodyBytes = request.body?.count ?? 0
    idleTimeout = request.idleTimeout
    allowsAddress = configuration.allowsAddress
    errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    fields = request.fieldList()
    try setOptions(request, configuration, errorText: errorText, fields: fields)
  }

  deinit {
    ccurl_easy_cleanup(easy)
    ccurl_slist_free_all(fields)
    errorText.deallocate()
  }

  /// The next bytes of a body that is sent once, at most `count`; nil after its end, which libcurl only reads in order
  /// to send the body a second time.
  func takeUnsent(_ count: Int) -> ArraySlice<UInt8>? {
    guard !unsent.isEmpty else { return nil }
    let piece = unsent.prefix(count)
    // The last piece frees the body: the response may take hours.
    unsent = piece.count < unsent.count ? unsent.dropFirst(count) : []
    return piece
  }

  /// Whether a connection to an address may be opened.
  func mayConnect(to address: IPAddress) -> Bool {
    guard let allowsAddress, !allowsAddress(address) else { return true }
    refusedAddress = address
    return false
  }

  /// Handles a header line.
  /// - Returns: false to stop the transfer.
  func receiveHeader(_ line: UnsafeRawBufferPointer) -> Bool {
    guard !hasHead else { return true }  // a trailer
    headerBytes += line.count
    guard headerBytes <= Self.maxHeaderBytes else { return refuse(.tooLarge(limit: Self.maxHeaderBytes)) }
    let isBlank = line.allSatisfy { $0 == 0x0d || $0 == 0x0a }
    let status = responseCode()
    if isBlank, status >= 200 || status == 101 {  // otherwise the end of an interim response
      hasHead = true
      buffer.begin(ResponseHead(status: status, headers: finalHeaders()))
    }
    return true
  }

  /// Handles a piece of the decompressed body.
  func receiveBody(_ piece: UnsafeRawBufferPointer) -> ResponseBuffer.Acceptance {
    guard bodyBytes + piece.count <= maxResponseBytes else {
      _ = refuse(.tooLarge(limit: maxResponseBytes))
      return .ended
    }
    let acceptance = buffer.write(piece)
    if acceptance == .accepted { bodyBytes += piece.count }
    if idleTimeout != nil { lastByte = acceptance == .accepted ? .now : nil }
    return acceptance
  }

  /// Whether what follows may be read together with others.
  var gathersRest: Bool { gathersBody && hasHead }

  /// How long the transfer may wait for its next byte; nil where nothing limits that. Zero or less ends it.
  func patience(at now: MonotonicInstant) -> Duration? {
    guard let idleTimeout else { return nil }
    return lastByte.map { idleTimeout - (now - $0) } ?? idleTimeout
  }

  /// Ends the response with libcurl's code.
  func finish(_ code: CURLcode) {
    if code == CURLE_OK, hasHead {
      buffer.finish(.success(()))
    } else {
      buffer.finish(.failure(refusal ?? httpError(code)))
    }
  }

  private func refuse(_ error: HTTPError) -> Bool {
    refusal = error
    return false
  }

  private func httpError(_ code: CURLcode) -> HTTPError {
    if code == CURLE_COULDNT_CONNECT, let refusedAddress { return .refusedAddress(refusedAddress) }
    var proxyStatus = 0
    ccurl_easy_getinfo_long(easy, CURLINFO_HTTP_CONNECTCODE, &proxyStatus)
    return HTTPError(code, reason: reason(code), phase: phase, proxyStatus: proxyStatus)
  }

  private func reason(_ code: CURLcode) -> String {
    HTTPError.withoutLogin(String(cString: errorText[0] == 0 ? ccurl_easy_strerror(code) : UnsafePointer(errorText)))
  }

  private var phase: HTTPError.Phase {
    if hasHead { return .receiving }
    var (microseconds, sent) = (curl_off_t(0), curl_off_t(0))
    ccurl_easy_getinfo_offset(easy, CURLINFO_PRETRANSFER_TIME_T, &microseconds)
    guard microseconds > 0 else { return .connecting }
    // Bytes of the body that the kernel has taken.
    ccurl_easy_getinfo_offset(easy, CURLINFO_SIZE_UPLOAD_T, &sent)
    return sent < requestBodyBytes ? .sending : .waiting
  }

  private func responseCode() -> Int {
    var code = 0
    ccurl_easy_getinfo_long(easy, CURLINFO_RESPONSE_CODE, &code)
    return code
  }

  /// The headers of the final response; those of interim responses and proxies, and trailers, have other origins in
  /// libcurl.
  private func finalHeaders() -> [HTTPHeader] {
    var headers: [HTTPHeader] = []
    var header = ccurl_easy_nextheader(easy, UInt32(CURLH_HEADER), -1, nil)
    while let field = header {
      headers.append((String(cString: field.pointee.name), String(cString: field.pointee.value)))
      header = ccurl_easy_nextheader(easy, UInt32(CURLH_HEADER), -1, field)
    }
    return headers
  }
}
