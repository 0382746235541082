SELECT * FROM {{ source('lake', 'app_install_jobs') }}
