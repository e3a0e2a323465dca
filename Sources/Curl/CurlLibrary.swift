import CCurl

/// libcurl as a whole.
enum CurlLibrary {
  private static let initialized: Void = {
    let code = curl_global_init(Int(CURL_GLOBAL_ALL))
    precondition(code == CURLE_OK, "libcurl cannot be initialized: \(String(cString: curl_easy_strerror(code)))")
  }()

  /// Does its work once, whichever thread comes first. It is never undone: lookups may still be running at exit.
  static func initialize() { initialized }
}
