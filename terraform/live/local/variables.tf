variable "endpoint" {
  description = "Where the emulator answers, for all services."
  type        = string
  nullable    = false
  default     = "http://127.0.0.1:4566"
  validation {
    condition     = can(regex("^http://(localhost|127\\.0\\.0\\.1|[a-z][a-z0-9-]*):[0-9]+$", var.endpoint))
    error_message = "The emulator is on this machine, or a container beside it: http://127.0.0.1:4566, http://localhost:4566, http://ministack:4566."
  }
}

variable "cache_url" {
  description = "Where Valkey or Redis answers, with the password in it if there is one."
  type        = string
  nullable    = false
  default     = "redis://127.0.0.1:6379"
}

variable "zips" {
  description = "Directory that holds `<function>/bootstrap.zip` for each function, built for this machine."
  type        = string
  nullable    = false
  default     = "../../../target/lambda"
}

variable "tokens" {
  description = "SHA-256 of the bearer tokens for administration and for stock changes."
  type        = object({ admin_sha256 = optional(string), ingest_sha256 = optional(string) })
  nullable    = false
  default     = {}
}

variable "log_filter" {
  description = "What the functions log."
  type        = string
  nullable    = false
  default     = "info"
}

variable "otlp_endpoint" {
  description = "Where traces are exported to; null exports none."
  type        = string
  nullable    = true
  default     = null
}
