SELECT * FROM {{ source('current', 'app_install_jobs') }}
