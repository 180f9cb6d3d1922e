variable "account_id" {
  description = "The only AWS account that this may touch; null takes the one of the credentials."
  type        = string
  nullable    = true
  default     = null
  validation {
    condition     = var.account_id == null || can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account has 12 digits."
  }
}

variable "zips" {
  description = "Directory that holds `<function>/bootstrap.zip` for each function."
  type        = string
  nullable    = false
  default     = "../../../target/lambda"
}

variable "architectures" {
  description = "Instruction set of the zips: [\"arm64\"] or [\"x86_64\"]."
  type        = list(string)
  nullable    = false
  default     = ["arm64"]
}

variable "tokens" {
  description = "SHA-256 of the bearer tokens for administration and for stock changes."
  type        = object({ admin_sha256 = optional(string), ingest_sha256 = optional(string) })
  nullable    = false
  default     = {}
}
