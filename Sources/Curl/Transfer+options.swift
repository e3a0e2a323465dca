import CCurl

extension Transfer {
  /// Sets every option of the easy handle. `errorText` and `fields` must live as long as the handle.
  func setOptions(
    _ request: HTTPRequest, _ configuration: HTTPClientConfiguration,
    errorText: UnsafeMutablePointer<CChar>, fields: UnsafeMutablePointer<curl_slist>?
  ) throws(HTTPError) {
    try set(CURLOPT_ERRORBUFFER, pointer: errorText)
    try set(CURLOPT_HTTPHEADER, pointer: fields)
    try setLimits(request)
    try setConnection(configuration)
    try setLiveness(request, configuration)
    try setMessage(request)
    try setCallbacks()
    if configuration.allowsAddress != nil { try guardAddresses() }
  }

  private func setLimits(_ request: HTTPRequest) throws(HTTPError) {
    try set(CURLOPT_PROTOCOLS_STR, "http,https")
    try set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
    // From version 8 on libcurl takes %2E%2E out of a path, as it does with `..`.
    try set(CURLOPT_PATH_AS_IS, 1)
    try set(CURLOPT_FOLLOWLOCATION, 0)
    try set(CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeout.wholeMilliseconds)
    try set(CURLOPT_TIMEOUT_MS, request.timeout.wholeMilliseconds)
  }

  private func setConnection(_ configuration: HTTPClientConfiguration) throws(HTTPError) {
    try set(CURLOPT_NOSIGNAL, 1)
    // Otherwise an abandoned name lookup waits for its thread: one silent name server would block all transfers for ten
    // seconds. The leak of which libcurl warns is that thread; it ends later and frees its memory.
    try set(CURLOPT_QUICK_EXIT, 1)
    try set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
    try set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    if let userAgent = configuration.userAgent { try set(CURLOPT_USERAGENT, userAgent) }
    if let file = configuration.authoritiesFile { try set(CURLOPT_CAINFO, file) }
    switch configuration.proxy {
    case .none: try set(CURLOPT_PROXY, "")
    case .environment: break
    }
  }

  /// Sets keepalive and timeouts, so that dead connections are closed and get no further requests.
  private func setLiveness(_ request: HTTPRequest, _ configuration: HTTPClientConfiguration) throws(HTTPError) {
    try set(CURLOPT_TCP_KEEPALIVE, 1)
    try set(CURLOPT_TCP_KEEPIDLE, 15)
    try set(CURLOPT_TCP_KEEPINTVL, 5)
    let limit = UInt32(clamping: configuration.unacknowledgedTimeout.wholeMilliseconds)
    try check(ccurl_easy_set_user_timeout(easy, limit))
    try set(CURLOPT_MAXLIFETIME_CONN, max(1, configuration.maxConnectionAge.wholeMilliseconds / 1_000))
    if request.needsFreshConnection { try set(CURLOPT_FRESH_CONNECT, 1) }
    // With TLS the handshake shows whether a connection supports several requests; without, only the first response
    // does.
    if CurlLibrary.wakesWaitingRequests, request.url.lowercased().hasPrefix("https:") { try set(CURLOPT_PIPEWAIT, 1) }
  }

  private func setMessage(_ request: HTTPRequest) throws(HTTPError) {
    try set(CURLOPT_URL, request.url)
    try set(CURLOPT_ACCEPT_ENCODING, "")  // everything that libcurl can decompress
    guard request.method != "HEAD" else { return try set(CURLOPT_NOBODY, 1) }
    // Each transfer of 7.88 has its buffers, 16 KiB and 64 KiB. Where there may be thousands, and little is read at a
    // time, they are small; 16 KiB is the least for what is sent.
    if request.gathersBody {
      try set(CURLOPT_BUFFERSIZE, 4 << 10)
      try set(CURLOPT_UPLOAD_BUFFERSIZE, 16 << 10)
    }
    try set(CURLOPT_CUSTOMREQUEST, request.method)
    if let body = request.body ?? (request.needsBody ? [] : nil) {
      try set(CURLOPT_POST, 1)
      try check(ccurl_easy_setopt_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)))
      if request.isIdempotent { try set(body: body) } else { try send(once: body) }
    }
  }

  /// Prevents libcurl from repeating the request when a kept connection fails before the response, or an HTTP/2 stream
  /// is refused: it cannot read a body from a callback twice. A request with an empty body gets a new connection
  /// instead.
  private func send(once body: [UInt8]) throws(HTTPError) {
    if body.isEmpty { try set(CURLOPT_FRESH_CONNECT, 1) }
    unsent = body[...]
    try set(CURLOPT_READDATA, pointer: Unmanaged.passUnretained(self).toOpaque())
    try check(ccurl_easy_setopt_callback(easy, CURLOPT_READFUNCTION, Self.giveBody))
  }

  /// Sets the body. The size must be set before: without it libcurl treats the body as a C string.
  private func set(body: [UInt8]) throws(HTTPError) {
    // An empty array may have no address, and a null pointer would leave the request without a body.
    let bytes = body.isEmpty ? [0] : body
    try check(ccurl_easy_setopt_pointer(easy, CURLOPT_COPYPOSTFIELDS, bytes))
  }

  private func set(_ option: CURLoption, _ value: Int) throws(HTTPError) {
    try check(ccurl_easy_setopt_long(easy, option, value))
  }

  private func set(_ option: CURLoption, _ value: String) throws(HTTPError) {
    try check(ccurl_easy_setopt_string(easy, option, value))
  }

  /// Sets an option whose value is an address that libcurl keeps.
  func set(_ option: CURLoption, pointer: UnsafeRawPointer?) throws(HTTPError) {
    try check(ccurl_easy_setopt_pointer(easy, option, pointer))
  }

  /// Throws `invalidRequest` if libcurl refused an option, as it does for a URL of 8 MB.
  func check(_ code: CURLcode) throws(HTTPError) {
    guard code == CURLE_OK else { throw .invalidRequest(String(cString: ccurl_easy_strerror(code))) }
  }
}

extension HTTPRequest {
  /// Whether a request of this method without a body has `Content-Length: 0`.
  fileprivate var needsBody: Bool { ["POST", "PUT", "PATCH"].contains(method) }

  /// Whether a request of this method may be executed twice (RFC 9110, section 9.2.2), and so be sent again.
  fileprivate var isIdempotent: Bool { ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"].contains(method) }

  /// The headers as libcurl's list, to be freed by the caller: `name;` is an empty field, and `name:` removes one that
  /// libcurl would add.
  func fieldList() -> UnsafeMutablePointer<curl_slist>? {
    var lines = headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
    lines.append("Expect:")
    if headers.first(named: "Content-Type") == nil { lines.append("Content-Type:") }
    var list: UnsafeMutablePointer<curl_slist>?
    for line in lines {
      guard let longer = ccurl_slist_append(list, line) else { preconditionFailure("out of memory") }
      list = longer
    }
    return list
  }
}

extension Duration {
  /// Rounded up, and at least 1, since 0 means no limit to libcurl.
  fileprivate var wholeMilliseconds: Int {
    let (seconds, attoseconds) = components
    guard seconds < 1_000_000 else { return 1_000_000_000 }
    let milliseconds = seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    return max(1, Int(milliseconds))
  }
}
