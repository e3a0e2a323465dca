import CCurl

/// One request under way: an easy handle and what its callbacks need.
///
/// It belongs to the task that makes it until it is posted to the client's thread, and to that thread from then on;
/// the mailbox's lock stands between. Only the pipe is shared.
final class Transfer: @unchecked Sendable {
  /// Longer headers fail the transfer; libcurl 7.88 itself sets no limit to their sum.
  static let maxHeaderBytes = 256 << 10

  /// Where the response goes.
  let pipe: ResponsePipe
  /// The `CURL *`. Freed with the transfer, so the multi handle must have let go of it by then.
  let easy: UnsafeMutableRawPointer
  private let maxResponseBytes: Int
  private let errorText: UnsafeMutablePointer<CChar>
  private var fields: UnsafeMutablePointer<curl_slist>?

  private var hasHead = false
  private var headerBytes = 0
  private var bodyBytes = 0
  /// What libcurl has yet to read of a body that is sent once.
  var unsent: ArraySlice<UInt8> = []
  /// Why a callback stopped the transfer. libcurl only knows that one did.
  private var refusal: HTTPError?

  /// Checks the request and prepares all of it; nothing is sent yet. The body is copied.
  init(_ request: HTTPRequest, _ configuration: HTTPClientConfiguration, pipe: ResponsePipe) throws(HTTPError) {
    try request.validate()
    guard let easy = curl_easy_init() else { preconditionFailure("out of memory") }
    self.easy = easy
    self.pipe = pipe
    maxResponseBytes = request.maxResponseBytes
    errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    fields = request.fieldList()
    try setOptions(request, configuration, errorText: errorText, fields: fields)
  }

  deinit {
    curl_easy_cleanup(easy)
    curl_slist_free_all(fields)
    errorText.deallocate()
  }

  /// The next bytes of a body that is sent once, `count` at most; nil after its end, which libcurl asks for only when it would
  /// send the body a second time.
  func takeUnsent(_ count: Int) -> ArraySlice<UInt8>? {
    defer { unsent = unsent.dropFirst(count) }
    return unsent.isEmpty ? nil : unsent.prefix(count)
  }

  /// Takes a line of the headers; false stops the transfer.
  func receiveHeader(_ line: UnsafeRawBufferPointer) -> Bool {
    guard !hasHead else { return true }  // a trailer
    headerBytes += line.count
    guard headerBytes <= Self.maxHeaderBytes else { return refuse(.tooLarge(limit: Self.maxHeaderBytes)) }
    let isBlank = line.allSatisfy { $0 == 0x0d || $0 == 0x0a }
    let status = responseCode()
    if isBlank, status >= 200 || status == 101 {  // else an interim response ends here
      hasHead = true
      pipe.begin(ResponseHead(status: status, headers: finalHeaders()))
    }
    return true
  }

  /// Takes a piece of the body, after decompression.
  func receiveBody(_ piece: UnsafeRawBufferPointer) -> ResponsePipe.Acceptance {
    guard bodyBytes + piece.count <= maxResponseBytes else {
      _ = refuse(.tooLarge(limit: maxResponseBytes))
      return .ended
    }
    let acceptance = pipe.write(piece)
    if acceptance == .accepted { bodyBytes += piece.count }
    return acceptance
  }

  /// Ends the pipe with what libcurl's code means.
  func finish(_ code: CURLcode) {
    if code == CURLE_OK, hasHead {
      pipe.finish(.success(()))
    } else {
      pipe.finish(.failure(refusal ?? httpError(code)))
    }
  }

  private func refuse(_ error: HTTPError) -> Bool {
    refusal = error
    return false
  }

  private func httpError(_ code: CURLcode) -> HTTPError {
    var proxyStatus = 0
    ccurl_easy_getinfo_long(easy, CURLINFO_HTTP_CONNECTCODE, &proxyStatus)
    return HTTPError(code, reason: reason(code), phase: phase, proxyStatus: proxyStatus)
  }

  private func reason(_ code: CURLcode) -> String {
    HTTPError.withoutLogin(String(cString: errorText[0] == 0 ? curl_easy_strerror(code) : UnsafePointer(errorText)))
  }

  private var phase: HTTPError.Phase {
    if hasHead { return .receiving }
    var microseconds: curl_off_t = 0
    ccurl_easy_getinfo_offset(easy, CURLINFO_PRETRANSFER_TIME_T, &microseconds)
    return microseconds > 0 ? .waiting : .connecting
  }

  private func responseCode() -> Int {
    var code = 0
    ccurl_easy_getinfo_long(easy, CURLINFO_RESPONSE_CODE, &code)
    return code
  }

  /// libcurl keeps interim responses, a proxy's and trailers under other origins.
  private func finalHeaders() -> [HTTPHeader] {
    var headers: [HTTPHeader] = []
    var header = curl_easy_nextheader(easy, UInt32(CURLH_HEADER), -1, nil)
    while let field = header {
      headers.append((String(cString: field.pointee.name), String(cString: field.pointee.value)))
      header = curl_easy_nextheader(easy, UInt32(CURLH_HEADER), -1, field)
    }
    return headers
  }
}
