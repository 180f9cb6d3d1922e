variable "name" {
  description = "Name of the API."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,59}$", var.name))
    error_message = "The API is named with 3 to 60 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "routes" {
  description = "Which function answers what, by the function's short name: its full name, its alias, and the routes."
  type = map(object({
    function_name = string
    alias         = object({ name = string, invoke_arn = string })
    route_keys    = set(string)
  }))
  nullable = false
  validation {
    condition     = alltrue(flatten([for r in values(var.routes) : [for key in r.route_keys : key == "$default" || can(regex("^(ANY|GET|POST|PUT|PATCH|DELETE) /[^ ]*$", key))]]))
    error_message = "A route is $default, or a method and a path such as `POST /v1/stock-changes`."
  }
  validation {
    condition     = length(distinct(flatten([for r in values(var.routes) : tolist(r.route_keys)]))) == length(flatten([for r in values(var.routes) : tolist(r.route_keys)]))
    error_message = "A route is answered by one function."
  }
}

variable "throttle" {
  description = "Requests a second that the API lets through, and how many more in a burst."
  type = object({
    rate  = optional(number, 1000)
    burst = optional(number, 2000)
  })
  nullable = false
  default  = {}
  validation {
    condition     = var.throttle.rate >= 1 && var.throttle.burst >= 1
    error_message = "The API lets at least one request through."
  }
}

variable "cors_origins" {
  description = "Web pages that may call the API from a browser; none by default."
  type        = set(string)
  nullable    = false
  default     = []
  validation {
    condition     = alltrue([for o in var.cors_origins : can(regex("^https://[^/*]+$", o)) || can(regex("^http://localhost(:[0-9]+)?$", o))])
    error_message = "An origin is https:// and a host, without a path or a wildcard; http only for localhost."
  }
}

variable "log_retention_days" {
  description = "How long the access log is kept."
  type        = number
  nullable    = false
  default     = 30
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch Logs keeps lines for one of its own numbers of days, such as 7, 30, 90 or 365."
  }
}

variable "encryption" {
  description = "Key that encrypts the access log; null leaves it to CloudWatch Logs."
  type        = object({ key_arn = string })
  nullable    = true
  default     = null
}
