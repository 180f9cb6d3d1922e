terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

# Applied once for each account, by hand, with a state on the machine of whoever does it: see README.md.
provider "aws" {
  region = var.region
  default_tags {
    tags = { service = "pricestream", managed_by = "terraform" }
  }
}
